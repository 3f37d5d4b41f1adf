import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Image, ImageFile, ImageVersion } from '../images/image.ts'
import type { Images } from '../images/images.ts'
import { packInitramfs } from '../initramfs/pack.ts'
import {
  type DebianPackage,
  newestKernel,
  type PackageCache,
  packageNamed,
  packagesWithDependencies,
} from '../initramfs/packages.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { agentBundle } from './bundle.ts'
import * as contents from './contents.ts'
import { AGENT_INIT, AGENT_UDHCPC } from './init.ts'
import { file, systemEntries } from './system.ts'

/** The image that machines with an open deployment boot: a bundle like any other, so that a version can be pinned and an old one kept. */
export const MANAGEMENT_OS = 'management-os'

/** Raised by one when what is built changes in a way that its ingredients do not show. */
const RECIPE = 1
/** Versions beside pinned ones and those in use; they share most of their bytes. */
const KEEP = 3
/**
 * A panic would leave the machine standing for ever: it starts again, and the deployment goes on. As tmpfs the root file system could take half
 * of the memory only, which is less than it is on machines with 512 MB.
 */
const CMDLINE = 'console=tty0 console=ttyS0,115200 quiet panic=30 rootfstype=ramfs'

export type BuiltManagementOs = Readonly<{ image: string; version: number; bytes: number; built: boolean }>

/** `since`: milliseconds since 1970. */
export type Building = Readonly<{ doing: string; since: number }>

type Dependencies = Readonly<{
  images: Pick<Images, 'get' | 'create' | 'addVersion' | 'blobs'>
  packages: PackageCache
  /** Where it may work; nothing stays there. */
  workDirectory: string
  /** Of this program: its sources or its prebuilt agent. */
  packageDirectory: string
  /** The executable that machines get. */
  nodePath: string
  /** Of this program, for people. */
  version: string
  log: Log
  /** Instead of the agent, for tests of the system below it. */
  agentEntry?: string
}>

/**
 * Builds the management OS and keeps it as image `management-os`: Debian's kernel, an initrd of BusyBox, Node, programs and drivers, and a
 * small one of the agent. The same ingredients give the same bytes; only what changed is built again. Needs apt-get with a reachable Debian
 * mirror the first time and for each new kernel, and no root.
 */
export class ManagementOs {
  readonly #with: Dependencies
  readonly #stopping = new AbortController()
  #building: Building | null = null
  #last: Promise<unknown> = Promise.resolve()

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** The newest version; `undefined` before the first build. */
  newest(): { image: Image; version: ImageVersion } | undefined {
    const image = this.#with.images.get(MANAGEMENT_OS)
    const version = image?.versions.at(-1)
    return image && version ? { image, version } : undefined
  }

  /**
   * Adds a version unless the newest one is made of just this. `force` builds everything again; a version is added only if other bytes come
   * out. Refused (`not-available`) when an ingredient cannot be had, with what to do about it.
   */
  build({ force }: { force: boolean }): Promise<BuiltManagementOs> {
    const result = this.#last
      .then(() => this.#build(force))
      .finally(() => {
        this.#building = null
      })
    this.#last = result.catch(() => undefined)
    return result.catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) throw error
      throw new Refusal('not-available', 'the server stops, and the management OS was not built to its end')
    })
  }

  /** The build that is under way, if any. */
  building(): Building | null {
    return this.#building
  }

  #now(doing: string): void {
    this.#building = { doing, since: this.#building?.since ?? Date.now() }
  }

  /** Leaves a build that is under way; nothing of it stays. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#last
  }

  async #build(force: boolean): Promise<BuiltManagementOs> {
    const { images, log, packageDirectory, agentEntry } = this.#with
    this.#stopping.signal.throwIfAborted()
    this.#now('asking apt which packages it is made of')
    const ingredients = await this.#ingredients()
    const agent = await agentBundle(packageDirectory, agentEntry)
    const agentKey = keyOf(agent, AGENT_INIT, AGENT_UDHCPC)
    const names = {
      kernel: `vmlinuz-${ingredients.release}`,
      system: `system-${ingredients.release}-${ingredients.key}.zst`,
      agent: `agent-${agentKey}.zst`,
    }
    const newest = this.newest()
    const wanted = Object.values(names)
    if (!force && newest && newest.version.files.map(({ name }) => name).join() === wanted.join())
      return { ...shown(newest.version), built: false }

    const { workDirectory } = this.#with
    await rm(workDirectory, { recursive: true, force: true })
    await mkdir(workDirectory, { recursive: true, mode: 0o700 })
    try {
      const before = force ? undefined : this.#systemOf(names.kernel, names.system)
      const [kernel, system] = before ?? (await this.#buildSystem(ingredients, names))
      this.#now('packing the agent')
      log.info({}, 'packing the agent of the management OS')
      const path = join(workDirectory, names.agent)
      const entries = [
        file('init', Buffer.from(AGENT_INIT), 0o755),
        file('etc/udhcpc', Buffer.from(AGENT_UDHCPC), 0o755),
        file('agent/main.mjs', agent, 0o644),
      ]
      await packInitramfs(entries, path, this.#stopping.signal)
      const files = [kernel, system, { role: 'initrd' as const, name: names.agent, ...(await this.#keep(path)) }]
      if (newest && sameFiles(newest.version.files, files)) return { ...shown(newest.version), built: false }
      if (!images.get(MANAGEMENT_OS))
        await images.create({
          name: MANAGEMENT_OS,
          kind: 'bundle',
          description: 'The system that machines boot while they are deployed',
          owner: 'admin',
          visibility: 'public',
          prune: { keep: KEEP },
        })
      const note = `Linux ${ingredients.release}, Node ${process.versions.node}, Reveille ${this.#with.version}`
      const image = await images.addVersion(
        MANAGEMENT_OS,
        { files, cmdline: CMDLINE, note, source: 'built here' },
        'reveille',
      )
      const version = image.versions.at(-1)
      if (!version) throw new Error('an image without the version just added')
      const built = { ...shown(version), built: true }
      log.info(built, 'the management OS is built')
      return built
    } finally {
      await rm(workDirectory, { recursive: true, force: true })
    }
  }

  /** What the system is made of, as apt knows it now, and a short digest of it all. */
  async #ingredients() {
    const kernel = await newestKernel()
    const names = contents.PACKAGES
    const programs = await packagesWithDependencies(names)
    // Of dependencies only libraries are of use here.
    const useful = programs.filter(({ name, section }) => section === 'libs' || names.includes(name))
    const packages = [await packageNamed(kernel.name), ...useful]
    const node = createHash('sha256')
    await pipeline(createReadStream(this.#with.nodePath), node)
    const key = keyOf(
      JSON.stringify([RECIPE, contents, String(contents.NOT_WANTED)]),
      packages.map(({ sha256 }) => sha256).join(),
      node.digest('hex'),
    )
    return { release: kernel.release, packages, key }
  }

  /** Kernel and base initrd, as some version has them already. */
  #systemOf(kernel: string, system: string): [ImageFile, ImageFile] | undefined {
    for (const { files } of this.#with.images.get(MANAGEMENT_OS)?.versions ?? []) {
      const found = [kernel, system].map((name) => files.find((each) => each.name === name))
      if (found[0] && found[1]) return [found[0], found[1]]
    }
    return undefined
  }

  async #buildSystem(
    { release, packages }: { release: string; packages: readonly DebianPackage[] },
    names: { kernel: string; system: string },
  ) {
    const { packages: cache, workDirectory, nodePath, log } = this.#with
    const { signal } = this.#stopping
    const megabytes = Math.round(packages.reduce((sum, { bytes }) => sum + bytes, 0) / 1e6)
    log.info({ packages: packages.length, megabytes }, 'fetching the Debian packages of the management OS')
    this.#now(`fetching ${packages.length} Debian packages, ${megabytes} MB`)
    const tree = join(workDirectory, 'tree')
    await cache.fetch(packages, signal)
    this.#now(`unpacking ${packages.length} Debian packages`)
    for (const each of packages) {
      signal.throwIfAborted()
      await cache.unpack(each, tree)
    }
    this.#now('packing it, which takes about a minute')
    log.info({ release }, 'packing the management OS; this takes about a minute')
    const entries = await systemEntries(tree, release, nodePath)
    const system = join(workDirectory, names.system)
    await packInitramfs(entries, system, signal)
    const kernel = await this.#keep(join(tree, 'boot', `vmlinuz-${release}`))
    await cache.keepOnly(packages)
    return [
      { role: 'kernel' as const, name: names.kernel, ...kernel },
      { role: 'initrd' as const, name: names.system, ...(await this.#keep(system)) },
    ] as const
  }

  async #keep(path: string): Promise<{ sha256: string; bytes: number }> {
    const { size } = await stat(path)
    const { sha256, bytes } = await this.#with.images.blobs.put(createReadStream(path), { limit: size })
    return { sha256, bytes }
  }
}

function shown(version: ImageVersion): Omit<BuiltManagementOs, 'built'> {
  return {
    image: MANAGEMENT_OS,
    version: version.number,
    bytes: version.files.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

function sameFiles(before: readonly ImageFile[], after: readonly ImageFile[]): boolean {
  const hashes = (files: readonly ImageFile[]) => files.map(({ sha256 }) => sha256).join()
  return hashes(before) === hashes(after)
}

function keyOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(createHash('sha256').update(part).digest())
  return hash.digest('hex').slice(0, 12)
}
