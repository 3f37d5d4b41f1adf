import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import {
  appendFile,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { CpioEntry } from '../../../src/initramfs/cpio.ts'
import { moduleFiles, withDependencies } from '../../../src/initramfs/module-files.ts'
import { packInitramfs } from '../../../src/initramfs/pack.ts'
import { aptSite } from './debian-mirror.ts'
import { inTurn } from './in-turn.ts'

const run = promisify(execFile)
const CACHE = '.cache/debian-installer'
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'
const PACKAGE = 'debian-installer-13-netboot-amd64'
/** Modules for a disk over iSCSI and what is made on it. */
const MODULES = [
  'iscsi_tcp',
  'iscsi_ibft',
  'sd_mod',
  'sg',
  'dm_mod',
  'ext4',
  'vfat',
  'nls_ascii',
  'nls_cp437',
  'efivarfs',
  'loop',
]
/** Packages whose programs and libraries the installer needs. */
const PROGRAMS = ['e2fsprogs', 'libext2fs2t64', 'libcom-err2', 'libmount1']
/** What those stand for, and filesystems and arrays that nobody needs. None of them provides what others of the installer wait for. */
const NOT_LOADED =
  /^((e2fsprogs|libmount1|xfsprogs|jfsutils|btrfs-progs|ntfs-3g|mdadm)-udeb|partman-(xfs|jfs|btrfs|md|auto-raid))$/

type Installer = Readonly<{ kernel: string; initrd: string }>

/**
 * The installer of Debian 13 as it is in Debian's package. What it would load later, and partial mirrors do not have, rides along: the
 * modules from the package of the same kernel, the programs from those of an installed system.
 */
export function debianInstaller(): Promise<Installer> {
  return inTurn(CACHE, made)
}

async function made(): Promise<Installer> {
  const recipe = createHash('sha256').update(await readFile(import.meta.filename))
  const folder = join(CACHE, recipe.digest('hex').slice(0, 16))
  const kept = { kernel: join(folder, 'linux'), initrd: join(folder, 'initrd.gz') }
  if (existsSync(kept.initrd)) return kept
  await rm(CACHE, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const work = resolve(await mkdtemp(join(CACHE, 'making-')))
  const apt = await aptFor(work)
  const inside = await unpacked(work, PACKAGE, apt)
  const images = join(inside, 'usr/lib/debian-installer/images/13/amd64/text/debian-installer/amd64')
  const initrd = join(images, 'initrd.gz')
  const system = join(work, 'system')
  await mkdir(system)
  await run('sh', ['-c', 'zcat "$1" | (cd "$2" && busybox cpio -idm)', 'sh', initrd, system], { maxBuffer: 2 ** 26 })
  const [release = ''] = await readdir(join(system, 'usr/lib/modules'))
  const modules = join(await unpacked(work, `linux-image-${release}`, apt), 'usr/lib/modules', release)
  const files = await moduleFiles(modules)
  const contents = await withDependencies(modules, files, MODULES)
  const status = await readFile(join(system, 'var/lib/dpkg/status'), 'utf8')
  const more = join(work, 'more.zst')
  const programs: CpioEntry[] = []
  for (const name of PROGRAMS) programs.push(...(await programsOf(await unpacked(work, name, apt))))
  await packInitramfs(
    [
      ...[...contents].map(([name, content]) => ({
        name: `usr/lib/modules/${release}/extra/${name}.ko`,
        kind: 'file' as const,
        mode: 0o644,
        content,
      })),
      ...programs,
      {
        name: 'var/lib/dpkg/status',
        kind: 'file',
        mode: 0o644,
        content: Buffer.from(`${status.trimEnd()}\n\n${await stanzas(release, status, apt)}`),
      },
    ],
    more,
  )
  await copyFile(join(images, 'linux'), kept.kernel)
  const whole = join(work, 'initrd.gz')
  await copyFile(initrd, whole)
  const { length } = await readFile(initrd)
  // Archives in a row begin at multiples of four.
  await appendFile(whole, Buffer.alloc((4 - (length % 4)) % 4))
  await appendFile(whole, await readFile(more))
  await rename(whole, kept.initrd)
  await rm(work, { recursive: true, force: true })
  return kept
}

/** Arguments by which apt sees Debian 13 and its installer's packages, and nothing of this computer. */
async function aptFor(work: string): Promise<string[]> {
  await mkdir(join(work, 'lists/partial'), { recursive: true })
  const list = join(work, 'sources.list')
  await writeFile(list, `deb [signed-by=${KEYRING}] ${await aptSite()} trixie main main/debian-installer\n`)
  const options = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': work,
    'APT::Sandbox::User': 'root',
  }
  const apt = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  await run('apt-get', [...apt, '-qq', 'update'])
  return apt
}

async function unpacked(work: string, name: string, apt: readonly string[]): Promise<string> {
  await run('apt-get', [...apt, '-qq', 'download', name], { cwd: work })
  const file = (await readdir(work)).find((each) => each.startsWith(`${name}_`))!
  await run('dpkg-deb', ['-x', join(work, file), join(work, name)])
  return join(work, name)
}

async function programsOf(tree: string): Promise<CpioEntry[]> {
  const paths = await readdir(tree, { recursive: true, withFileTypes: true })
  const entries = paths.map(async (each): Promise<CpioEntry | undefined> => {
    const path = join(each.parentPath, each.name)
    const name = relative(tree, path)
    if (!/^(usr\/sbin|usr\/lib\/x86_64-linux-gnu|etc)\/[^/]+$/.test(name)) return undefined
    if (each.isSymbolicLink()) return { name, kind: 'link', target: await readlink(path) }
    return each.isFile() ? { name, kind: 'file', mode: 0o755, content: await readFile(path) } : undefined
  })
  return (await Promise.all(entries)).filter((each) => each !== undefined)
}

/** Packages of the installer, told to be there. */
async function stanzas(release: string, status: string, apt: readonly string[]): Promise<string> {
  const options = { maxBuffer: 2 ** 26 }
  const { stdout } = await run('apt-cache', [...apt, 'dumpavail'], options)
  const there = new Set([...status.matchAll(/^Package: (\S+)$/gm)].map(([, name]) => name))
  const missing = stdout.split('\n\n').filter((stanza) => {
    const [, name = ''] = /^Package: (\S+)$/m.exec(stanza) ?? []
    const isOfInstaller = /^Section: debian-installer$/m.test(stanza) && !there.has(name)
    return isOfInstaller && (name.endsWith(`-${release}-di`) || NOT_LOADED.test(name))
  })
  return missing.map((stanza) => `${stanza.replace(/^Package: .*$/m, '$&\nStatus: install ok installed')}\n`).join('\n')
}
