import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress } from 'node:zlib'
import { cpioArchive } from '../initramfs/cpio.ts'
import { moduleFiles, withDependencies } from '../initramfs/module-files.ts'
import { loadOrder, moduleDependencies } from '../initramfs/modules.ts'
import { newestKernel, PackageCache, packageNamed } from '../initramfs/packages.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { LAB_INIT, UDHCPC_SCRIPT } from './linux-init.ts'

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
 * ingredients stay the same. Needs apt-get with a reachable Debian mirror the first time; refusals say what is missing. `packages`
 * keeps what was fetched for others too; without it the kernel's package is thrown away afterwards.
 */
export async function buildLabLinux({
  cacheDir,
  log,
  packages,
}: {
  cacheDir: string
  log: Log
  packages?: PackageCache
}): Promise<LabLinux> {
  const busybox = await readFile(BUSYBOX).catch(() => undefined)
  if (!busybox || busybox.includes('/lib64/ld-linux'))
    throw new Refusal('not-available', `${BUSYBOX} is missing or not static`, {
      next: 'apt-get install busybox-static',
    })
  const kernel = await newestKernel()
  const digest = createHash('sha256').update(busybox).update(LAB_INIT).update(UDHCPC_SCRIPT).digest('hex').slice(0, 12)
  const version = `${kernel.name}-${RECIPE}-${digest}`
  const done = join(cacheDir, version)
  const linux = { kernelPath: join(done, 'vmlinuz'), initrdPath: join(done, 'initrd.zst'), cmdline: CMDLINE, version }
  if (await exists(linux.initrdPath)) return linux

  log.info({ kernel: kernel.name }, 'building the small Linux of the lab')
  await mkdir(cacheDir, { recursive: true, mode: 0o700 })
  const work = join(cacheDir, 'building')
  await rm(work, { recursive: true, force: true })
  await mkdir(work)
  const root = join(work, 'root')
  await (packages ?? new PackageCache(join(work, 'packages'))).unpack(await packageNamed(kernel.name), root)

  const out = join(work, 'out')
  await mkdir(out)
  await rename(join(root, 'boot', `vmlinuz-${kernel.release}`), join(out, 'vmlinuz'))
  const entries = await initrdEntries(busybox, join(root, 'lib/modules', kernel.release))
  await writeDurably(join(out, 'initrd.zst'), await promisify(zstdCompress)(cpioArchive(entries)))
  await rm(done, { recursive: true, force: true })
  await rename(out, done)
  await rm(work, { recursive: true, force: true })
  return linux
}

async function initrdEntries(busybox: Uint8Array, modules: string) {
  const contents = await withDependencies(modules, await moduleFiles(modules), MODULES)
  const order = loadOrder(MODULES, (name) => {
    const content = contents.get(name)
    return content && moduleDependencies(content)
  })
  const file = (name: string, mode: number, content: Uint8Array) => ({ name, kind: 'file' as const, mode, content })
  const directory = (name: string) => ({ name, kind: 'directory' as const, mode: 0o755 })
  const program = (name: string, text: string) => file(name, 0o755, Buffer.from(text))
  return [
    ...['bin', 'dev', 'etc', 'lib', 'lib/modules', 'proc', 'root', 'sys', 'tmp'].map(directory),
    { name: 'dev/console', kind: 'character-device' as const, mode: 0o600, major: 5, minor: 1 },
    file('bin/busybox', 0o755, busybox),
    { name: 'bin/sh', kind: 'link' as const, target: 'busybox' },
    program('init', LAB_INIT),
    program('etc/udhcpc', UDHCPC_SCRIPT),
    program('lib/modules/order', `${order.join('\n')}\n`),
    ...[...contents].map(([name, content]) => file(`lib/modules/${name}.ko`, 0o644, content)),
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
