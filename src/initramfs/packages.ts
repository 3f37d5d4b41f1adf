import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Refusal } from '../kit/errors.ts'
import { type Outcome, run, runOrFail } from '../processes/run.ts'

/** A package as apt would install it now. */
export type DebianPackage = Readonly<{ name: string; version: string; section: string; sha256: string; bytes: number }>

/** Debian's name of the architecture we run on, which is the one that machines get. */
export const DEBIAN_ARCHITECTURE = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** apt's words are read, so they must be English. */
const ENGLISH = { LC_ALL: 'C' }
/** A kernel is 70 MB, and lines are slow in places. */
const DOWNLOAD_MS = 20 * 60_000
const MOST_PACKAGES = 500

/** The package that Debian's `linux-image-ARCHITECTURE` stands for today, and its release, such as `6.1.0-56-amd64`. */
export async function newestKernel(): Promise<{ name: string; release: string }> {
  const meta = `linux-image-${DEBIAN_ARCHITECTURE}`
  const ask = () => run('apt-cache', ['depends', '--important', meta], { env: ENGLISH })
  const read = ({ stdout }: Outcome) => /Depends: (linux-image-(\S+))/.exec(stdout)
  const found = read(await ask()) ?? ((await refreshLists()) ? read(await ask()) : null)
  if (found?.[1] !== undefined && found[2] !== undefined) return { name: found[1], release: found[2] }
  throw new Refusal('not-available', `apt does not know the package ${meta}`, {
    next: 'run apt-get update as root on Debian 12 or later',
  })
}

/** The named packages and all that they depend on, alternatives included; sorted by name. */
export async function packagesWithDependencies(names: readonly string[]): Promise<DebianPackage[]> {
  const only = ['recommends', 'suggests', 'conflicts', 'breaks', 'replaces', 'enhances'].map((kind) => `--no-${kind}`)
  const listed = await run('apt-cache', ['depends', '--recurse', ...only, ...names], { env: ENGLISH })
  // A package stands at the beginning of a line; its relations are indented, and what no package is called stands in angle brackets.
  const all = listed.stdout.split('\n').filter((line) => /^[a-z0-9][a-z0-9+.-]+$/.test(line))
  return packageFacts([...new Set([...names, ...all])])
}

/** What apt knows of these packages; those that it cannot install are left out, unless all are. */
async function packageFacts(names: readonly string[]): Promise<DebianPackage[]> {
  if (names.length > MOST_PACKAGES) throw new Refusal('too-large', `${names.length} packages would be needed`)
  const { stdout, stderr } = await run('apt-cache', ['show', '--no-all-versions', ...names], { env: ENGLISH })
  const found = new Map<string, DebianPackage>()
  for (const stanza of stdout.split('\n\n')) {
    const field = (name: string) => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1]
    const [name, version, sha256] = [field('Package'), field('Version'), field('SHA256')]
    if (name === undefined || version === undefined || !/^[0-9a-f]{64}$/.test(sha256 ?? '') || found.has(name)) continue
    const section = field('Section') ?? ''
    found.set(name, { name, version, section, sha256: sha256 ?? '', bytes: Number(field('Size') ?? 0) })
  }
  if (found.size === 0)
    throw new Refusal('not-available', `apt knows none of ${names.slice(0, 5).join(', ')}: ${stderr.trim()}`, {
      next: 'run apt-get update as root on Debian 12 or later',
    })
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** The one package of this name. */
export async function packageNamed(name: string): Promise<DebianPackage> {
  const [found] = await packageFacts([name])
  if (found) return found
  throw new Refusal('not-available', `apt does not know the package ${name}`)
}

/** Packages as they came from a Debian mirror, kept below a directory under their SHA-256. No root is needed. */
export class PackageCache {
  readonly #directory: string
  #last: Promise<void> = Promise.resolve()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Fetches those packages that are not here, all in one go. A `Refusal` says what to do where that fails. */
  fetch(wanted: readonly DebianPackage[], signal?: AbortSignal): Promise<void> {
    const result = this.#last.then(() => this.#fetch(wanted, signal))
    this.#last = result.catch(() => undefined)
    return result
  }

  async #fetch(wanted: readonly DebianPackage[], signal: AbortSignal | undefined): Promise<void> {
    const missing: DebianPackage[] = []
    for (const each of wanted) if ((await digestOf(this.#path(each))) !== each.sha256) missing.push(each)
    if (missing.length === 0) return
    await mkdir(this.#directory, { recursive: true, mode: 0o700 })
    const work = await mkdtemp(join(this.#directory, 'fetching-'))
    try {
      const result = await downloadInto(
        work,
        missing.map(({ name, version }) => `${name}=${version}`),
        signal,
      )
      signal?.throwIfAborted()
      const came = new Map<string | undefined, string>()
      for (const file of await readdir(work)) came.set(await digestOf(join(work, file)), join(work, file))
      for (const each of missing) {
        const fetched = came.get(each.sha256)
        if (fetched === undefined)
          throw new Refusal('not-available', `apt-get download ${each.name} failed: ${result.stderr.trim()}`, {
            next: 'check that a Debian mirror can be reached (apt-get update as root), then try again',
          })
        await rename(fetched, this.#path(each))
      }
    } finally {
      await rm(work, { recursive: true, force: true })
    }
  }

  /** Unpacks a package into a directory, beside what is there. */
  async unpack(wanted: DebianPackage, into: string): Promise<void> {
    await this.fetch([wanted])
    await mkdir(into, { recursive: true })
    await runOrFail('dpkg-deb', ['-x', this.#path(wanted), into])
  }

  /** Deletes all but these, and what downloads that were cut short left behind. */
  keepOnly(packages: readonly DebianPackage[]): Promise<void> {
    const kept = new Set(packages.map(({ sha256 }) => `${sha256}.deb`))
    const result = this.#last.then(async () => {
      for (const file of await readdir(this.#directory).catch(() => []))
        if (!kept.has(file)) await rm(join(this.#directory, file), { recursive: true, force: true })
    })
    this.#last = result.catch(() => undefined)
    return result
  }

  #path({ sha256 }: DebianPackage): string {
    return join(this.#directory, `${sha256}.deb`)
  }
}

async function downloadInto(cwd: string, wanted: readonly string[], signal: AbortSignal | undefined): Promise<Outcome> {
  // Only root may say so, and only root is dropped to a user who may not write here.
  const asRoot = process.geteuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
  const get = () =>
    run('apt-get', [...asRoot, '-qq', 'download', ...wanted], { cwd, env: ENGLISH, timeoutMs: DOWNLOAD_MS, signal })
  const first = await get()
  // The lists may be older than the mirror.
  return first.code !== 0 && !signal?.aborted && (await refreshLists()) ? get() : first
}

/** Whether apt could be asked to look again: only root may. */
async function refreshLists(): Promise<boolean> {
  return process.geteuid?.() === 0 && (await run('apt-get', ['update', '-qq'], { env: ENGLISH })).code === 0
}

/** SHA-256 of a file; `undefined` when there is none. */
async function digestOf(path: string): Promise<string | undefined> {
  const file = await open(path, 'r').catch(() => undefined)
  if (!file) return undefined
  await file.close()
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
