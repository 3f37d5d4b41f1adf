import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import { LAB_INIT, UDHCPC_SCRIPT } from './linux-init.ts'
import { loadOrder, moduleDependencies, moduleName } from './modules.ts'
import { run, runOrFail } from './run.ts'

/** The lab's small Linux: enough to see that a machine arrived. Paths of files, and its kernel command line. */
export type LabLinux = Readonly<{ kernelPath: string; initrdPath: string; cmdline: string; version: string }>

const BUSYBOX = '/bin/busybox'
const MODULES = [
  'virtio_pci',
  'virtio_net',
  'e1000',
  'e1000e',
  'virtio_blk',
  'virtio_rng',
  'af_packet',
  'button',
  'evdev',
]
const CMDLINE = 'console=ttyS0 quiet panic=10'

/** Raised by one when what is built changes in a way that its ingredients do not show. */
const RECIPE = 1

/**
 * Debian's kernel with an initrd of BusyBox and the drivers of lab machines, built in `cacheDir` and kept there as long as its
 * ingredients stay the same. Needs apt-get with a reachable Debian mirror the first time; refusals say what is missing.
 */
export async function buildLabLinux({ cacheDir, log }: { cacheDir: string; log: Log }): Promise<LabLinux> {
  const busybox = await readFile(BUSYBOX).catch(() => undefined)
  if (!busybox || busybox.includes('/lib64/ld-linux'))
    throw new Refusal('not-available', `${BUSYBOX} is missing or not static`, {
      next: 'apt-get install busybox-static',
    })
  const kernel = await newestKernel()
  const digest = createHash('sha256').update(busybox).update(LAB_INIT).update(UDHCPC_SCRIPT).digest('hex').slice(0, 12)
  const version = `${kernel}-${RECIPE}-${digest}`
  const done = join(cacheDir, version)
  const linux = { kernelPath: join(done, 'vmlinuz'), initrdPath: join(done, 'initrd.zst'), cmdline: CMDLINE, version }
  if (await exists(linux.initrdPath)) return linux

  log.info({ kernel }, 'building the small Linux of the lab')
  await mkdir(cacheDir, { recursive: true, mode: 0o700 })
  const work = join(cacheDir, 'building')
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  await download(kernel, work)
  const root = join(work, 'root')
  const [archive] = (await readdir(work)).filter((file) => file.endsWith('.deb'))
  if (archive === undefined) throw new Refusal('not-available', `apt-get download ${kernel} left no package`)
  await runOrFail('dpkg-deb', ['-x', join(work, archive), root])

  const out = join(work, 'out')
  await mkdir(out)
  const release = kernel.replace(/^linux-image-/, '')
  await rename(join(root, 'boot', `vmlinuz-${release}`), join(out, 'vmlinuz'))
  const entries = await initrdEntries(busybox, join(root, 'lib/modules', release))
  await writeDurably(join(out, 'initrd.zst'), await promisify(zstdCompress)(cpioArchive(entries)))
  await rm(done, { recursive: true, force: true })
  await rename(out, done)
  await rm(work, { recursive: true, force: true })
  return linux
}

/** The package that Debian's `linux-image-amd64` stands for today. */
async function newestKernel(): Promise<string> {
  const ask = () => run('apt-cache', ['depends', '--important', 'linux-image-amd64'])
  const read = (text: string) => /Depends: (linux-image-\S+-amd64)/.exec(text)?.[1]
  let found = read((await ask()).stdout)
  if (found === undefined && process.geteuid?.() === 0) {
    await run('apt-get', ['update', '-qq'])
    found = read((await ask()).stdout)
  }
  if (found !== undefined) return found
  throw new Refusal('not-available', 'apt does not know the package linux-image-amd64', {
    next: 'run apt-get update as root',
  })
}

async function download(kernel: string, into: string): Promise<void> {
  // Only root may say so, and only root is dropped to a user who may not write here.
  const asRoot = process.geteuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
  const get = () => run('apt-get', [...asRoot, '-qq', 'download', kernel], { cwd: into })
  let result = await get()
  // The lists may be older than the mirror.
  if (result.code !== 0 && process.geteuid?.() === 0 && (await run('apt-get', ['update', '-qq'])).code === 0)
    result = await get()
  if (result.code !== 0)
    throw new Refusal('not-available', `apt-get download ${kernel} failed: ${result.stderr.trim()}`, {
      next: 'check that a Debian mirror can be reached (apt-get update), then run reveille lab up again',
    })
}

async function initrdEntries(busybox: Uint8Array, modules: string): Promise<CpioEntry[]> {
  const files = new Map<string, string>()
  for (const path of await readdir(join(modules, 'kernel'), { recursive: true }))
    if (path.endsWith('.ko')) files.set(moduleName(basename(path)), join(modules, 'kernel', path))
  const contents = new Map<string, Buffer>()
  // Reading all dependencies beforehand would read every module there is; only what is reached is read.
  const needed = [...MODULES]
  for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
    const path = files.get(name)
    if (path === undefined || contents.has(name)) continue
    const content = await readFile(path)
    contents.set(name, content)
    needed.push(...moduleDependencies(content))
  }
  const order = loadOrder(MODULES, (name) => {
    const content = contents.get(name)
    return content && moduleDependencies(content)
  })
  const directory = (name: string): CpioEntry => ({ name, kind: 'directory', mode: 0o755 })
  const program = (name: string, text: string): CpioEntry => ({
    name,
    kind: 'file',
    mode: 0o755,
    content: Buffer.from(text),
  })
  return [
    ...['bin', 'dev', 'etc', 'lib', 'lib/modules', 'proc', 'root', 'sys', 'tmp'].map(directory),
    { name: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
    { name: 'bin/busybox', kind: 'file', mode: 0o755, content: busybox },
    { name: 'bin/sh', kind: 'link', target: 'busybox' },
    program('init', LAB_INIT),
    program('etc/udhcpc', UDHCPC_SCRIPT),
    program('lib/modules/order', `${order.join('\n')}\n`),
    ...[...contents].map(([name, content]): CpioEntry => {
      return { name: `lib/modules/${name}.ko`, kind: 'file', mode: 0o644, content }
    }),
  ]
}

async function writeDurably(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, 'w', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function exists(path: string): Promise<boolean> {
  const file = await open(path, 'r').catch(() => undefined)
  await file?.close()
  return file !== undefined
}
