import { createHash } from 'node:crypto'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SILENT } from '../../../src/kit/log.ts'
import { buildLabLinux } from '../../../src/lab/linux.ts'
import { LAB_LINUX } from '../../../src/lab/offer.ts'
import { inTurn } from './in-turn.ts'
import type { Server } from './server.ts'

/** Kept between runs: it is built from packages alone. */
export const LINUX_CACHE = '.cache/lab-linux'

/** Uploads a boot bundle and makes it image and profile of one name, all through the API. */
export async function offerBundle(
  server: Server,
  name: string,
  bundle: { kernel: string; initrd: string; cmdline: string },
  profile: Record<string, unknown> = {},
): Promise<void> {
  const files: Record<string, unknown>[] = []
  for (const [role, path] of [
    ['kernel', bundle.kernel],
    ['initrd', bundle.initrd],
  ] as const) {
    const bytes = await readFile(path)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await server.api('PUT', `/uploads/${sha256}`, bytes)
    files.push({ role, name: path.split('/').at(-1), sha256 })
  }
  await server.api('POST', '/images', { name, kind: 'bundle' })
  await server.api('POST', `/images/${name}/versions`, { files, cmdline: bundle.cmdline })
  await server.api('POST', '/profiles', { name, kind: 'live', image: name, ...profile })
}

const build = () => inTurn(LINUX_CACHE, () => buildLabLinux({ cacheDir: LINUX_CACHE, log: SILENT }))

export async function offerLinux(server: Server): Promise<void> {
  const { kernelPath, initrdPath, cmdline } = await build()
  await offerBundle(server, LAB_LINUX, { kernel: kernelPath, initrd: initrdPath, cmdline })
}

/** Puts the small Linux where a server finds it built: on the wires of tests there is no Debian mirror. */
export async function bringLinux(dataDir: string): Promise<void> {
  await build()
  await cp(LINUX_CACHE, join(dataDir, 'lab-linux'), { recursive: true })
}
