const MIB = 2 ** 20

/** What a virtual server that only serves targets prints when they are there, and where they are: see vm-targets.ts. */
export const READY = 'TARGETS ARE SERVED'
export const PORTS = { lio: 3260, tgt: 3261, builtin: 3262 } as const
/** By HTTP: how busy its processors were. */
export const USAGE_PORT = 9002
export const VOLUME_BYTES = 256 * MIB
export const IMAGE_BYTES = 128 * MIB

export const targetName = (engine: keyof typeof PORTS, name: string): string =>
  `iqn.2026-11.org.reveille.${engine}:${name}`
