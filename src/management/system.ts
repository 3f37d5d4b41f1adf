import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CpioEntry } from '../initramfs/cpio.ts'
import { elfNeeds, withoutSections } from '../initramfs/elf.ts'
import { findProgram, insideTree, type Loadable, librariesOf } from '../initramfs/libraries.ts'
import { moduleFiles, withDependencies } from '../initramfs/module-files.ts'
import { moduleFacts, moduleIndexes } from '../initramfs/modules.ts'
import { Refusal } from '../kit/errors.ts'
import { runOrFail } from '../processes/run.ts'
import { APPLETS, BUSYBOX, MODULE_FOLDERS, MODULES, NOT_WANTED, PROGRAMS } from './contents.ts'

const FOLDERS = ['dev', 'etc', 'mnt', 'proc', 'root', 'run', 'sbin', 'sys', 'tmp', 'usr/bin']

/**
 * What the base initrd holds, from a tree that the Debian packages were unpacked into: BusyBox, Node, programs, the libraries of both, and
 * kernel modules. The agent is not in it; it has an initrd of its own that changes more often.
 */
export async function systemEntries(tree: string, release: string, nodePath: string): Promise<CpioEntry[]> {
  const node = { name: 'node', content: withoutSections(await readFile(nodePath)) }
  const programs = [node]
  for (const { name, required } of PROGRAMS) {
    const program = await findProgram(tree, name)
    if (program) programs.push(program)
    else if (required) throw new Refusal('not-available', `none of the Debian packages has the program ${name}`)
  }
  const { libraries, linkers } = await librariesOf(programs, tree)
  const busybox = await completeBusybox(tree)
  return [
    ...FOLDERS.map((name): CpioEntry => ({ name, kind: 'directory', mode: name === 'root' ? 0o700 : 0o755 })),
    // The kernel opens it before the first program runs, and has no others by then.
    { name: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
    file('bin/busybox', busybox.content, 0o755),
    link('bin/sh', 'busybox'),
    // The kernel calls it by this path when somebody mounts a file system that it has no driver for yet.
    link('sbin/modprobe', '../bin/busybox'),
    ...programs.map(({ name, content }) => file(`usr/sbin/${name}`, content, 0o755)),
    ...libraries.map(({ name, content }) => file(`lib/${name}`, content, 0o755)),
    ...linkers.map(({ name, content }) => file(name.slice(1), content, 0o755)),
    ...ETC.map(([name, text]) => file(`etc/${name}`, Buffer.from(text), 0o644)),
    ...(await moduleEntries(join(tree, 'lib/modules', release), release)),
  ]
}

/** BusyBox, once it is known to be static and to have the applets that the agent starts. */
async function completeBusybox(tree: string): Promise<Loadable> {
  const busybox = await findProgram(tree, 'busybox')
  if (!busybox) throw new Refusal('not-available', `the package ${BUSYBOX} has no busybox`)
  const { interpreter } = elfNeeds(busybox.content)
  const path = await insideTree(tree, 'bin/busybox')
  const applets = (await runOrFail(path ?? '', ['--list'])).split('\n')
  const missing = APPLETS.filter((name) => !applets.includes(name))
  if (interpreter !== null || missing.length > 0)
    throw new Refusal('not-available', `the busybox of ${BUSYBOX} is not static, or lacks ${missing.join(', ')}`)
  return busybox
}

const ETC = [
  ['passwd', 'root:x:0:0:root:/root:/bin/sh\n'],
  ['group', 'root:x:0:\n'],
  ['hosts', '127.0.0.1 localhost\n::1 localhost\n'],
  ['nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
] as const

async function moduleEntries(directory: string, release: string): Promise<CpioEntry[]> {
  const files = await moduleFiles(directory)
  const wanted = [...files].filter(([name, path]) => {
    const below = MODULE_FOLDERS.some((folder) => path.startsWith(`kernel/${folder}/`))
    return (below || MODULES.includes(name)) && !NOT_WANTED.test(name)
  })
  const contents = await withDependencies(
    directory,
    files,
    wanted.map(([name]) => name),
  )
  const tree = new Map<string, { path: string; facts: ReturnType<typeof moduleFacts> }>()
  const entries: CpioEntry[] = []
  for (const [name, content] of contents) {
    // It is kept unpacked: the initrd is packed as a whole, and better.
    const path = (files.get(name) ?? '').replace(/\.(xz|zst|gz)$/, '')
    tree.set(name, { path, facts: moduleFacts(content) })
    entries.push(file(`lib/modules/${release}/${path}`, content, 0o644))
  }
  const { dep, alias } = moduleIndexes(tree)
  entries.push(file(`lib/modules/${release}/modules.dep`, Buffer.from(dep), 0o644))
  entries.push(file(`lib/modules/${release}/modules.alias`, Buffer.from(alias), 0o644))
  return entries
}

export function file(name: string, content: Uint8Array, mode: number): CpioEntry {
  return { name, kind: 'file', mode, content }
}

function link(name: string, target: string): CpioEntry {
  return { name, kind: 'link', target }
}
