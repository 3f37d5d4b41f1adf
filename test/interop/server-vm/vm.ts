import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build } from 'esbuild'
import { detectAcceleration } from '../../../src/lab/acceleration.ts'
import { runOrFail } from '../../../src/processes/run.ts'
import { inTurn } from '../../e2e/bed/in-turn.ts'
import { kernelPackage, makeInitrd } from '../../e2e/bed/system.ts'

/** The system is kept between runs: it is made of packages, the kernel and Node alone. */
const CACHE = '.cache/server-vm'
/** Counts changes of what is made here. */
const FORMAT = 1
const PACKAGES = [
  ...['lvm2', 'thin-provisioning-tools', 'udev', 'kmod', 'iproute2', 'libstdc++6'],
  ...['libiscsi-bin', 'qemu-utils', 'qemu-block-extra'],
]
/** Folders of the kernel's modules that are brought along. */
const MODULE_FOLDERS = [
  ...['arch', 'crypto', 'lib', 'block', 'fs/9p', 'fs/configfs', 'fs/ext4', 'fs/jbd2', 'fs/fscache', 'fs/netfs'],
  ...['net/9p', 'drivers/block', 'drivers/md', 'drivers/scsi', 'drivers/target', 'drivers/virtio', 'drivers/dax'],
]
const MAKE_MS = 20 * 60_000
const GIB = 2 ** 30

/** What a case came to inside. */
export type InsideResult = Readonly<{ name: string; ms: number; error: string | null }>

const INITRD = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko"; done </lib/modules/order
until [ -e /dev/vda ]; do sleep 0.1; done
mount -t ext4 -o rw /dev/vda /root && exec switch_root /root /server-init
`

/** First program of the system: like a server's, but it serves once and switches itself off. */
const SERVER_INIT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mkdir -p /run/lock/lvm /run/lvm
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add
ip link set lo up
for module in dm_thin_pool 9pnet_virtio configfs; do modprobe $module; done
mount -t configfs configfs /sys/kernel/config
mkdir -p /share
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share
udevadm settle --timeout=20
echo "SERVER READY $(cut -d' ' -f1 /proc/uptime)"
cd /tmp
node --enable-source-maps /share/inside.mjs "$(cat /share/parts)" >/share/output 2>&1
echo "SERVER DONE $?" 
sync
echo o >/proc/sysrq-trigger
sleep 60
`

type SystemFiles = Readonly<{ image: string; kernel: string; initrd: string }>

const systemImage = (): Promise<SystemFiles> => inTurn(CACHE, madeImage)

async function madeImage(): Promise<SystemFiles> {
  const kernel = await kernelPackage()
  const release = (await readdir(join(kernel, 'lib/modules')))[0]!
  const facts = JSON.stringify([FORMAT, PACKAGES, MODULE_FOLDERS, release, process.version, SERVER_INIT, INITRD])
  const kept = join(CACHE, createHash('sha256').update(facts).digest('hex').slice(0, 16))
  const found = {
    image: join(kept, 'root.img'),
    kernel: join(kernel, 'boot', `vmlinuz-${release}`),
    initrd: join(kept, 'initrd'),
  }
  if ((await readdir(kept).catch(() => [])).length > 0) return found
  await mkdir(CACHE, { recursive: true })
  const work = await mkdtemp(join(CACHE, 'making-'))
  try {
    const root = join(work, 'root')
    await mkdir(root)
    await bootstrap(join(work, 'rootfs.tar'))
    await runOrFail('tar', ['-xf', join(work, 'rootfs.tar'), '-C', root, '--exclude=./dev/*'], { timeoutMs: MAKE_MS })
    const modules = join(kernel, 'lib/modules', release)
    const into = join(root, 'usr/lib/modules', release)
    await mkdir(into, { recursive: true })
    for (const file of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
      await copyFile(join(modules, file), join(into, file))
    for (const folder of MODULE_FOLDERS)
      await cp(join(modules, 'kernel', folder), join(into, 'kernel', folder), { recursive: true }).catch(() => {})
    await runOrFail('depmod', ['-b', join(root, 'usr'), release])
    await copyFile(process.execPath, join(root, 'usr/bin/node'))
    await writeFile(join(root, 'server-init'), SERVER_INIT)
    await chmod(join(root, 'server-init'), 0o755)
    await (await open(join(work, 'root.img'), 'w')).close()
    await runOrFail('mkfs.ext4', ['-q', '-d', root, '-O', '^has_journal', join(work, 'root.img'), '1200M'], {
      timeoutMs: MAKE_MS,
    })
    await writeFile(
      join(work, 'initrd'),
      await makeInitrd(modules, ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4'], INITRD),
    )
    await rm(root, { recursive: true })
    await rm(join(work, 'rootfs.tar'))
    await rename(work, kept)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return found
}

async function bootstrap(tar: string): Promise<void> {
  const without = ['doc', 'man', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`)
  await runOrFail('mmdebstrap', ['--variant=minbase', `--include=${PACKAGES.join(',')}`, ...without, 'bookworm', tar], {
    timeoutMs: MAKE_MS,
  })
}

/**
 * Boots a server of its own with LVM and LIO, runs the named parts of inside.ts in it, and tells what came of each case. Its system
 * disk forgets everything; `/dev/vdb` and `/dev/vdc` are empty.
 */
export async function runInside(
  parts: readonly string[],
  ms: number,
): Promise<{ results: InsideResult[]; printed: string }> {
  const { image, kernel, initrd } = await systemImage()
  const share = await mkdtemp(join(tmpdir(), 'reveille-server-'))
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'inside.ts')],
      outfile: join(share, 'inside.mjs'),
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'silent', sourcemap: 'inline' },
      alias: { vitest: join(import.meta.dirname, 'cases.ts') },
      external: ['koffi'],
    })
    await writeFile(join(share, 'parts'), parts.join(','))
    for (const [name, bytes] of [
      ['vdb', 4 * GIB],
      ['vdc', GIB],
    ] as const) {
      const file = await open(join(share, name), 'w')
      await file.truncate(bytes)
      await file.close()
    }
    const drive = (file: string, more = '') => ['-drive', `file=${file},format=raw,if=virtio,cache=unsafe${more}`]
    const args = [
      ...['-accel', await detectAcceleration(), '-machine', 'pc', '-cpu', 'max', '-smp', '2', '-m', '1024'],
      ...['-display', 'none', '-no-reboot', '-serial', `file:${join(share, 'console')}`, '-monitor', 'none'],
      ...['-nic', 'none', '-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 panic=-1 quiet'],
      ...drive(image, ',snapshot=on'),
      ...drive(join(share, 'vdb'), ',discard=unmap'),
      ...drive(join(share, 'vdc'), ',discard=unmap'),
      ...['-virtfs', `local,path=${share},mount_tag=share,security_model=none`],
    ]
    const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    qemu.stderr.on('data', (text) => {
      said += text
    })
    const timer = setTimeout(() => qemu.kill('SIGKILL'), ms)
    await new Promise((resolve) => qemu.once('close', resolve))
    clearTimeout(timer)
    const read = (name: string) => readFile(join(share, name), 'utf8').catch(() => '')
    const results = (await read('results'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as InsideResult)
    const printed = [said, await read('console'), await read('output')].map((text) => text.slice(-4000)).join('\n')
    return { results, printed: `${basename(image)}\n${printed}` }
  } finally {
    await rm(share, { recursive: true, force: true })
  }
}
