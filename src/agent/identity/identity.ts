import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { chooseDisk, listDisks } from '../disk/find.ts'
import { whileMounted } from '../mounting/mounted.ts'
import { type Place, placesOn } from '../mounting/partitions.ts'
import { ProgramError, runProgram } from '../program.ts'
import { type Around, TaskFailure, type TaskOf, type TaskRunner } from '../task.ts'
import { authorizedKeysWith, checkHostname, homeOfRoot, hostsWith, seedOf, shadowWith, usesSelinux } from './files.ts'
import { findRoot } from './find-root.ts'
import { Inside, PathError } from './inside.ts'

type Identity = TaskOf<'identity'>['identity']
type Written = Map<string, string>

/** Where the seed of cloud-init's NoCloud lies. */
const SEED = '/var/lib/cloud/seed/nocloud'
const DAY = 86_400_000

/**
 * Writes who the machine is into the system on its disk, and reads it back. Done again it leads to the same files. Host name, keys and
 * password go to the one installed Linux system; the Ignition file where its distribution looks for it.
 */
export const runIdentity: TaskRunner<TaskOf<'identity'>> = async ({ on, identity }, around) => {
  const disk = chooseDisk(await listDisks(), on)
  around.progress({ phase: 'identity' })
  await around.markDirty()
  const places = (await reasoned(placesOn(disk.path))).filter(
    ({ number }) => on.partition === null || number === on.partition,
  )
  const written = await writeIdentity(places, identity, around)
  await runProgram('blockdev', ['--flushbufs', disk.path], { seconds: 300 }).catch(() => undefined)
  return { summary: summaryOf(written), clean: true, detail: { written } }
}

/** Returns the paths that were written. */
export async function writeIdentity(
  places: readonly Place[],
  identity: Identity,
  { log, stopped }: Pick<Around, 'log' | 'stopped'>,
): Promise<string[]> {
  const { ignition, ...rest } = identity
  const forSystem =
    rest.sshKeys.length > 0 ||
    [rest.hostname, rest.passwordHash, rest.userData, rest.metaData, rest.networkConfig, rest.vendorData].some(
      (value) => (value ?? null) !== null,
    )
  const paths: string[] = []
  stopped.throwIfAborted()
  if (forSystem) {
    const root = await reasoned(findRoot(places))
    const at = { path: root.place.path, type: root.type }
    const files = await reasoned(
      whileMounted({ ...at, write: true }, (mounted) => writeSystem(new Inside(join(mounted, root.folder)), rest, log)),
    )
    await reasoned(
      whileMounted({ ...at, write: false }, (mounted) => compare(new Inside(join(mounted, root.folder)), files)),
    )
    paths.push(...files.keys())
    log('info', `wrote ${[...files.keys()].join(', ')} on ${at.path}`)
  }
  stopped.throwIfAborted()
  if (ignition !== null) paths.push(await reasoned(writeIgnition(places, ignition)))
  return paths
}

async function writeSystem(system: Inside, identity: Omit<Identity, 'ignition'>, log: Around['log']): Promise<Written> {
  const { hostname, sshKeys, passwordHash } = identity
  const files: Written = new Map()
  const write = async (path: string, content: string, mode: number, exact = false) => {
    await system.write(path, content, { mode, exact })
    files.set(path, digest(content))
  }
  if (hostname !== null) {
    await write('/etc/hostname', `${checkHostname(hostname)}\n`, 0o644)
    await write('/etc/hosts', hostsWith((await system.read('/etc/hosts')) ?? '', hostname), 0o644)
  }
  if (sshKeys.length > 0) {
    const folder = `${homeOfRoot((await system.read('/etc/passwd')) ?? '')}/.ssh`
    const path = `${folder}/authorized_keys`
    const old = await system.read(path)
    await system.folder(folder, { mode: 0o700, exact: true, owner: { uid: 0, gid: 0 } })
    await write(path, authorizedKeysWith(old ?? '', sshKeys), 0o600, true)
  }
  if (passwordHash !== null) {
    const old = await system.read('/etc/shadow')
    if (old === undefined) throw new RangeError('there is no /etc/shadow to hold the password of root')
    await write('/etc/shadow', shadowWith(old, passwordHash, Math.floor(Date.now() / DAY)), 0o600)
  }
  const seed = seedOf(identity, digest)
  if (seed) {
    if (!(await system.exists('/etc/cloud')))
      log('warn', 'the installed system has no cloud-init: nothing will read its seed')
    await system.folder(SEED, { mode: 0o700 })
    for (const [name, content] of Object.entries(seed)) await write(`${SEED}/${name}`, content, 0o600)
  }
  if (usesSelinux(await system.read('/etc/selinux/config'))) {
    await write('/.autorelabel', '', 0o644)
    log('info', 'the installed system uses SELinux: it labels its files at its next start')
  }
  return files
}

async function compare(system: Inside, files: Written): Promise<void> {
  for (const [path, expected] of files)
    if (digest((await system.read(path)) ?? '') !== expected)
      throw new TaskFailure(`${path} does not read back as it was written: look at the health of the disk`)
}

/**
 * Where distributions look for an Ignition file: Flatcar in `config.ign` of the filesystem labelled `OEM`, Fedora CoreOS and its kin in
 * `ignition/config.ign` of the one labelled `boot` that holds `ignition.firstboot`, openSUSE MicroOS in `ignition/config.ign` of one
 * labelled `ignition`.
 */
async function writeIgnition(places: readonly Place[], content: string): Promise<string> {
  const labelled = (label: string) => places.filter(({ filesystem }) => filesystem?.label?.toLowerCase() === label)
  for (const [label, folder, marker] of [
    ['oem', '', null],
    ['ignition', '/ignition', null],
    ['boot', '/ignition', '/ignition.firstboot'],
  ] as const)
    for (const place of labelled(label)) {
      const at = { path: place.path, type: place.filesystem!.type }
      const path = `${folder}/config.ign`
      const wrote = await whileMounted({ ...at, write: true }, async (mounted) => {
        const inside = new Inside(mounted)
        if (marker && !(await inside.exists(marker))) return false
        if (folder) await inside.folder(folder, { mode: 0o700 })
        await inside.write(path, content, { mode: 0o600 })
        return true
      })
      if (!wrote) continue
      await whileMounted({ ...at, write: false }, (mounted) =>
        compare(new Inside(mounted), new Map([[path, digest(content)]])),
      )
      return `${path} (on the partition labelled ${place.filesystem!.label})`
    }
  throw new TaskFailure(
    'The disk has no place for an Ignition file: a partition labelled OEM (Flatcar) or ignition (MicroOS), or boot with ignition.firstboot (Fedora CoreOS)',
  )
}

/** What people can understand becomes a `TaskFailure`. */
async function reasoned<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (error instanceof RangeError || error instanceof PathError || error instanceof ProgramError)
      throw new TaskFailure(`The identity could not be written: ${error.message}`)
    throw error
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function summaryOf(paths: readonly string[]): string {
  return paths.length === 0 ? 'Nothing was to be written' : `Wrote ${paths.join(', ')} and read it back`
}
