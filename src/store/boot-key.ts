import { keyFile } from './key-file.ts'

/**
 * The key that seals the capabilities of boots (`DATADIR/boot-key`, 0600). It outlives a restart, so that boots under way go on;
 * deleting the file ends them all.
 */
export function bootKey(dataDir: string): Promise<Uint8Array> {
  return keyFile(dataDir, 'boot-key')
}
