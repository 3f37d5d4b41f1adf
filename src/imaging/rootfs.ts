import { createHash } from 'node:crypto'
import { lstat, mkdir, readdir, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { Refusal } from '../kit/errors.ts'
import type { Kernel } from './grub.ts'
import type { Contents } from './layout.ts'
import { needPrograms, type RunOptions, runProgram } from './programs.ts'

const BLOCK = 4096

/**
 * Runs programs so that files seem to belong to whom they shall belong in the image: directly for root, through fakeroot (which
 * remembers owners and devices in a file) for everybody else.
 */
export type AsRoot = (command: string, args: readonly string[], options?: RunOptions) => Promise<string>

export function asRoot(memory: string): AsRoot {
  if (process.geteuid?.() === 0) return runProgram
  let remembered = false
  return (command, args, options) => {
    const recall = remembered ? ['-i', memory] : []
    remembered = true
    return runProgram('fakeroot', ['-s', memory, ...recall, '--', command, ...args], options)
  }
}

/** A root filesystem in a directory that is ours to read, not to change. */
export type Rootfs = Readonly<{
  directory: string
  contents: Contents
  /** Seconds since 1970 of the newest file: the time of the filesystem, so that equal content gives equal bytes. */
  newest: number
  /** SHA-256 of all names, owners, modes, times and bytes. */
  sha256: string
}>

/** Where `--from` leads: a directory as it is, or a tar archive (`-`: from standard input), which is unpacked into `work`. */
export async function openRootfs(from: string, work: string, as: AsRoot): Promise<Rootfs> {
  let directory = from
  if (from === '-' || !(await lstat(await realpath(from))).isDirectory()) {
    if (/\.t?zst$/.test(from)) await needPrograms(['zstd'])
    if (/\.t?xz$/.test(from)) await needPrograms(['xz'])
    directory = join(work, 'root')
    await mkdir(directory, { mode: 0o755 })
    await as(
      'tar',
      [
        '--extract',
        '--file',
        from,
        '--directory',
        directory,
        '--numeric-owner',
        '--preserve-permissions',
        '--xattrs',
        '--xattrs-include=*',
      ],
      from === '-' ? { input: 'inherit' } : {},
    )
  }
  const walked = await walk(directory)
  if (walked.contents.entries === 0) throw new Refusal('validation-failed', `${from} is empty`)
  return { directory, ...walked, sha256: await contentHash(directory, as) }
}

async function walk(directory: string): Promise<{ contents: Contents; newest: number }> {
  const contents = { bytes: 0, entries: 0 }
  let newest = 0
  for (const folders = [directory]; ; ) {
    const folder = folders.pop()
    if (folder === undefined) return { contents, newest }
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const stat = await lstat(path)
      contents.entries++
      contents.bytes += stat.isFile() ? Math.ceil(stat.size / BLOCK) * BLOCK : stat.isDirectory() ? BLOCK : 0
      newest = Math.max(newest, Math.floor(stat.mtimeMs / 1000))
      if (stat.isDirectory()) folders.push(path)
    }
  }
}

/** tar in a fixed order says all that matters of a tree; times of access and change do not, nor parts of a second. */
async function contentHash(directory: string, as: AsRoot): Promise<string> {
  const hash = createHash('sha256')
  const format = [
    '--sort=name',
    '--format=posix',
    '--pax-option=exthdr.name=%d/%f,delete=atime,delete=ctime,delete=mtime',
  ]
  await as('tar', ['--create', '--file=-', '--directory', directory, '--numeric-owner', ...format, '.'], {
    onOutput: (piece) => hash.update(piece),
  })
  return hash.digest('hex')
}

/** Newest last: numbers within names are compared as numbers. */
function byVersion(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}

/** Whether a path within the root leads to a file of it; links may not lead out. */
async function leadsToFile(directory: string, path: string): Promise<boolean> {
  try {
    const root = await realpath(directory)
    // An absolute link means the root of the image, not of this computer: only relative ones are followed by realpath.
    const real = await realpath(join(root, path))
    return real.startsWith(root + sep) && (await lstat(real)).isFile()
  } catch {
    return false
  }
}

/**
 * The kernel that the root filesystem brings: Debian's links `/vmlinuz` and `/initrd.img`, which follow upgrades, or else the newest
 * `/boot/vmlinuz-*` with its initrd.
 */
export async function findKernel(directory: string): Promise<Kernel> {
  if (await leadsToFile(directory, 'vmlinuz')) {
    const initrd = (await leadsToFile(directory, 'initrd.img')) ? '/initrd.img' : undefined
    return { on: 'root', kernel: '/vmlinuz', initrd }
  }
  const boot = await readdir(join(directory, 'boot')).catch((): string[] => [])
  const kernels = boot.filter((name) => /^(vmlinuz|vmlinux|linux)([-.]|$)/.test(name)).sort(byVersion)
  for (const name of kernels.reverse()) {
    if (!(await leadsToFile(directory, join('boot', name)))) continue
    const version = name.replace(/^[a-z]+-?/, '')
    const names = [`initrd.img-${version}`, `initramfs-${version}.img`, `initramfs-${version}`, `initrd-${version}`]
    const initrd = names.find((each) => boot.includes(each))
    return { on: 'root', kernel: `/boot/${name}`, initrd: initrd && `/boot/${initrd}` }
  }
  throw new Refusal('not-found', `there is no kernel in /boot of the root filesystem`, {
    next: 'install one in it (Debian: linux-image-amd64), or give --kernel FILE and --initrd FILE',
  })
}

/** Directories that a system expects to find but that archives of containers often lack. */
export async function missingDirectories(directory: string): Promise<string[]> {
  const there = await readdir(directory)
  return ['dev', 'proc', 'run', 'sys', 'tmp'].filter((name) => !there.includes(name))
}

/** Whether `/.dockerenv` is there, by which systemd takes a real machine for a container. */
export async function hasContainerMark(directory: string): Promise<boolean> {
  return (await readdir(directory)).includes('.dockerenv')
}

/** Whether anything is there that a kernel would start. */
export async function hasInit(directory: string): Promise<boolean> {
  for (const path of [
    'sbin/init',
    'etc/init',
    'bin/init',
    'init',
    'bin/sh',
    'usr/sbin/init',
    'usr/lib/systemd/systemd',
  ])
    if (
      await lstat(join(directory, path)).then(
        () => true,
        () => false,
      )
    )
      return true
  return false
}
