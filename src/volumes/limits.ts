/** Sizes of volumes: from one block to 64 TiB. */
export const LEAST_VOLUME_BYTES = 1024 * 1024
export const MOST_VOLUME_BYTES = 64 * 2 ** 40
