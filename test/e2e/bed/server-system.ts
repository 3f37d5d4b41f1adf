import { createHash } from 'node:crypto'
import { chmod, copyFile, cp, mkdir, mkdtemp, open, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runOrFail } from '../../../src/processes/run.ts'
import { inTurn } from './in-turn.ts'
import { kernelPackage, makeInitrd } from './system.ts'

/** The system is kept between runs: it is made of packages, the kernel and Node alone. */
const CACHE = '.cache/server-vm'
/** Counts changes of what is made here. */
const FORMAT = 2
const PACKAGES = [
  ...['lvm2', 'thin-provisioning-tools', 'udev', 'kmod', 'iproute2', 'libstdc++6'],
  ...['libiscsi-bin', 'qemu-utils', 'qemu-block-extra'],
]
/** Folders and files of the kernel's modules that are brought along. */
const MODULES = [
  ...['arch', 'crypto', 'lib', 'block', 'fs/9p', 'fs/configfs', 'fs/ext4', 'fs/jbd2', 'fs/fscache', 'fs/netfs'],
  ...['net/9p', 'drivers/block', 'drivers/md', 'drivers/scsi', 'drivers/target', 'drivers/virtio', 'drivers/dax'],
  ...['drivers/net/virtio_net.ko', 'drivers/net/net_failover.ko', 'net/core/failover.ko'],
]
const MAKE_MS = 20 * 60_000

/** First program of an initrd that loads the modules it has in their order, and goes on from the disk with `init`. */
export const loadingModules = (init: string) => `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko"; done </lib/modules/order
until [ -e /dev/vda ]; do sleep 0.1; done
mount -t ext4 -o rw /dev/vda /root && exec switch_root /root ${init}
`

const INITRD = loadingModules('/server-init')

/** First program of the system: like a server's, but it does what `/share/run` says and then switches itself off. */
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
sh /share/run
echo "SERVER DONE $?"
sync
echo o >/proc/sysrq-trigger
sleep 60
`

export type SystemFiles = Readonly<{ image: string; kernel: string; initrd: string }>

/** A system with Debian's kernel, LVM, LIO and Node, to be booted by QEMU itself. Made with mmdebstrap, as root. */
export const serverSystem = (): Promise<SystemFiles> => inTurn(CACHE, made)

async function made(): Promise<SystemFiles> {
  const kernel = await kernelPackage()
  const release = (await readdir(join(kernel, 'lib/modules')))[0]!
  const facts = JSON.stringify([FORMAT, PACKAGES, MODULES, release, process.version, SERVER_INIT, INITRD])
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
    for (const path of MODULES) {
      await mkdir(dirname(join(into, 'kernel', path)), { recursive: true })
      await cp(join(modules, 'kernel', path), join(into, 'kernel', path), { recursive: true }).catch(() => {})
    }
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
