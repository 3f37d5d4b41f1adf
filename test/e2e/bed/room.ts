import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Bed } from './bed.ts'
import { ownEnvironment } from './environment.ts'

const run = promisify(execFile)

/** A wire with a server that serves disks, and nothing offered yet. */
export async function openRoom(settings: Record<string, unknown> = {}): Promise<Bed> {
  const bed = await Bed.make()
  await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
    ...settings,
  })
  return bed
}

/** Keeps a disk as the newest version of an image. */
export async function push(bed: Bed, image: string, file: string): Promise<void> {
  const env = { ...ownEnvironment(), REVEILLE_DATA_DIR: bed.server.dataDir }
  await run('bin/reveille', ['image', 'push', image, file, '--kind', 'disk'], { env })
}

/** One disk of a machine's own over an image. */
export const overlay = (image: string, more: Record<string, unknown> = {}) => ({ use: 'overlay', image, ...more })
