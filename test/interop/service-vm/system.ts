import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { runOrFail } from '../../../src/processes/run.ts'
import { inTurn } from '../../e2e/bed/in-turn.ts'
import { loadingModules } from '../../e2e/bed/server-system.ts'
import { kernelPackage, makeInitrd } from '../../e2e/bed/system.ts'

/** The system is kept between runs: it is made of packages, the kernel and Node alone. */
const CACHE = '.cache/service-vm'
const PACKAGES = [
  ...['systemd-sysv', 'kmod', 'iproute2', 'libstdc++6', 'busybox-static', 'procps'],
  ...['ipxe', 'ipmitool', 'libiscsi-bin'],
]
/** Modules of the kernel, which the package of Debian's kernel would bring with 300 MB of others. */
const MODULES = [
  ...['arch', 'crypto', 'lib', 'fs/9p', 'fs/netfs', 'fs/fscache', 'fs/autofs', 'fs/configfs', 'fs/fuse', 'net/9p'],
  ...['drivers/virtio', 'drivers/net/veth.ko', 'net/ipv6'],
]
const MAKE_MS = 20 * 60_000

/** A wire with the server at one end, and a network namespace for machines and clients at the other. */
const WIRES = `#!/bin/sh
set -e
ip netns add wire 2>/dev/null || true
ip link add eth1 type veth peer name eth0 netns wire
ip addr add 10.97.0.1/24 dev eth1
ip addr add 10.97.0.23/24 dev eth1
ip link set eth1 up
ip -n wire link set lo up
ip -n wire link set eth0 address 52:54:00:97:00:02 up
ip -n wire addr add 10.97.0.2/24 dev eth0
`
const WIRES_UNIT = `[Unit]
Before=network-pre.target
Wants=network-pre.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/wires
[Install]
WantedBy=multi-user.target
`
const TEST_UNIT = `[Unit]
After=multi-user.target
[Service]
ExecStartPre=modprobe 9pnet_virtio
ExecStartPre=mkdir -p /share
ExecStartPre=mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144 share /share
ExecStart=sh -c 'node --enable-source-maps /share/inside.mjs >>/share/output 2>&1; systemctl --force poweroff'
# What it starts is not to end with it.
KillMode=process
[Install]
WantedBy=multi-user.target
`

const FILES: Readonly<Record<string, readonly [mode: string, content: string]>> = {
  'etc/hostname': ['644', 'appliance\n'],
  'etc/hosts': ['644', '127.0.0.1 localhost appliance\n'],
  'usr/local/sbin/wires': ['755', WIRES],
  'etc/systemd/system/wires.service': ['644', WIRES_UNIT],
  'etc/systemd/system/test.service': ['644', TEST_UNIT],
}

/** A command that puts a file below the new root, `$1`, as mmdebstrap runs it. */
const put = ([path, [mode, content]]: [string, readonly [string, string]]) =>
  `echo ${Buffer.from(content).toString('base64')} | base64 -d >"$1/${path}" && chmod ${mode} "$1/${path}"`

export type SystemFiles = Readonly<{ image: string; kernel: string; initrd: string }>

/** A bare Debian 12 under systemd with Debian's kernel and a few clients, to be booted by QEMU itself. Made with mmdebstrap, as root. */
export const serviceSystem = (): Promise<SystemFiles> => inTurn(CACHE, made)

async function made(): Promise<SystemFiles> {
  const kernel = await kernelPackage()
  const release = (await readdir(join(kernel, 'lib/modules')))[0]!
  const recipe = [await readFile(import.meta.filename, 'utf8'), release, process.version]
  const kept = join(CACHE, createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 16))
  const boot = join(kernel, 'boot', `vmlinuz-${release}`)
  const found = { image: join(kept, 'root.img'), kernel: boot, initrd: join(kept, 'initrd') }
  if ((await readdir(kept).catch(() => [])).length > 0) return found
  await rm(CACHE, { recursive: true, force: true })
  await mkdir(CACHE, { recursive: true })
  const work = await mkdtemp(join(CACHE, 'making-'))
  try {
    const modules = resolve(kernel, 'lib/modules', release)
    const root = join(work, 'root')
    const there = `"$1"/usr/lib/modules/${release}`
    const folders = MODULES.map((path) => `-path './kernel/${path}*'`).join(' -o ')
    const hooks = [
      `mkdir -p ${there} && cd ${modules} && cp modules.order modules.builtin modules.builtin.modinfo ${there}`,
      `cd ${modules} && find . -name '*.ko' '(' ${folders} ')' -exec cp --parents {} ${there} ';'`,
      `depmod -b "$1"/usr ${release} && cp ${process.execPath} "$1"/usr/bin/node`,
      ...Object.entries(FILES).map(put),
      'chroot "$1" systemctl -q enable wires.service test.service',
      'chroot "$1" systemctl -q mask getty@tty1.service serial-getty@ttyS0.service apt-daily.timer apt-daily-upgrade.timer',
    ]
    const without = ['doc', 'man', 'locale', 'info'].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`)
    const words = ['--quiet', '--variant=minbase', '--mode=root', `--include=${PACKAGES.join(',')}`, ...without]
    const customized = hooks.map((hook) => `--customize-hook=${hook}`)
    await runOrFail('mmdebstrap', [...words, ...customized, 'bookworm', root], { timeoutMs: MAKE_MS })
    await (await open(join(work, 'root.img'), 'w')).close()
    const image = ['-q', '-d', root, join(work, 'root.img'), '3G']
    await runOrFail('mkfs.ext4', image, { timeoutMs: MAKE_MS })
    const drivers = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4']
    await writeFile(join(work, 'initrd'), await makeInitrd(modules, drivers, loadingModules('/sbin/init')))
    await rm(root, { recursive: true })
    await rename(work, kept)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return found
}
