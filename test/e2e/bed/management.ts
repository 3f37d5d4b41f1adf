import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { FileBlobs } from '../../../src/images/drivers/files.ts'
import type { Image, ImageVersion } from '../../../src/images/image.ts'
import { PackageCache } from '../../../src/initramfs/packages.ts'
import { SILENT } from '../../../src/kit/log.ts'
import { MANAGEMENT_OS, ManagementOs } from '../../../src/management/management.ts'
import { inTurn } from './in-turn.ts'
import type { Server } from './server.ts'

/** Kept between runs: it takes a minute to build, and what it is made of changes rarely. */
const CACHE = resolve('.cache/management-os')

/**
 * Builds the management OS where there is a Debian mirror, and gives it to a server that has none on its wire, through the API.
 * `agentEntry`: a program that runs in the agent's place.
 */
export async function offerManagementOs(server: Server, { agentEntry }: { agentEntry?: string } = {}): Promise<void> {
  const { blobs, version } = await inTurn(CACHE, () => built(agentEntry))
  for (const { sha256 } of version.files) {
    const path = await blobs.path(sha256)
    await server.api('PUT', `/uploads/${sha256}`, await readFile(path ?? ''))
  }
  const files = version.files.map(({ role, name, sha256 }) => ({ role, name, sha256 }))
  await server.api('POST', '/images', { name: MANAGEMENT_OS, kind: 'bundle', visibility: 'public' })
  await server.api('POST', `/images/${MANAGEMENT_OS}/versions`, { files, cmdline: version.cmdline })
}

async function built(agentEntry: string | undefined) {
  const blobs = await FileBlobs.open(join(CACHE, 'blobs'))
  const record = join(CACHE, 'image.json')
  let image: Image | undefined = JSON.parse(await readFile(record, 'utf8').catch(() => '{"versions":[]}'))
  const images = {
    blobs,
    get: () => image,
    create: async () => image as Image,
    addVersion: async (_: string, version: object) => {
      const number = (image?.versions.at(-1)?.number ?? 0) + 1
      const added = { number, ...version } as ImageVersion
      image = { ...(image as Image), versions: [...(image?.versions.slice(-2) ?? []), added] }
      await writeFile(record, JSON.stringify(image))
      return image
    },
  }
  const management = new ManagementOs({
    images,
    packages: new PackageCache(join(CACHE, 'packages')),
    workDirectory: join(CACHE, `building-${process.pid}`),
    packageDirectory: process.cwd(),
    nodePath: process.execPath,
    version: 'test',
    log: SILENT,
    ...(agentEntry === undefined ? {} : { agentEntry }),
  })
  await management.build({ force: false })
  const version = management.newest()?.version
  if (!version) throw new Error('the management OS was built, and is not there')
  return { blobs, version }
}
