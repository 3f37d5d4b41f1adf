import { AGENT_MODULES, AGENT_PROGRAMS } from '../agent/programs.ts'

/** The package of the shell and of all small programs. */
export const BUSYBOX = 'busybox-static'

/** Needed by the pinned Node, which no package names. */
const LIBRARY_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1']

/** Programs for scripts of operators and for their shell, beside those that the agent starts. */
const FOR_OPERATORS = [
  { name: 'blkid', package: 'util-linux' },
  { name: 'lsblk', package: 'util-linux' },
  { name: 'mke2fs', package: 'e2fsprogs' },
  { name: 'wipefs', package: 'util-linux' },
]

/** Programs by the name they are called; an optional one is left out where Debian has none. */
export const PROGRAMS: readonly Readonly<{ name: string; package: string; required: boolean }>[] = [
  ...AGENT_PROGRAMS.filter((each) => each.package !== BUSYBOX),
  ...FOR_OPERATORS.map((each) => ({ ...each, required: false })),
].map(({ name, package: from, required }) => ({ name, package: from, required }))

/** Applets of BusyBox that the agent starts. */
export const APPLETS: readonly string[] = AGENT_PROGRAMS.filter((each) => each.package === BUSYBOX).map(
  ({ name }) => name,
)

/** Debian packages that bring all that; the libraries that programs need are found by themselves. */
export const PACKAGES: readonly string[] = [
  ...new Set([BUSYBOX, ...LIBRARY_PACKAGES, ...PROGRAMS.map((each) => each.package)]),
]

/**
 * Folders below `kernel/` of whose modules all are taken: what servers and desktops have as network cards, controllers and disks, and
 * what may be on these. Wireless, sound, graphics and the like stay out.
 */
export const MODULE_FOLDERS = [
  'crypto',
  'drivers/ata',
  'drivers/block',
  'drivers/char/hw_random',
  'drivers/char/ipmi',
  'drivers/hid',
  'drivers/hv',
  'drivers/md',
  'drivers/message/fusion',
  'drivers/mmc',
  'drivers/net/ethernet',
  'drivers/net/hyperv',
  'drivers/net/mdio',
  'drivers/net/phy',
  'drivers/net/usb',
  'drivers/net/vmxnet3',
  'drivers/nvme/host',
  'drivers/scsi',
  'drivers/usb/core',
  'drivers/usb/host',
  'drivers/usb/storage',
  'drivers/virtio',
  'fs/btrfs',
  'fs/efivarfs',
  'fs/ext4',
  'fs/fat',
  'fs/isofs',
  'fs/jbd2',
  'fs/nls',
  'fs/squashfs',
  'fs/xfs',
] as const

/** Single modules that are taken besides, by name. */
export const MODULES: readonly string[] = [
  ...AGENT_MODULES.map((name) => name.replaceAll('-', '_')),
  'af_packet',
  'button',
  'evdev',
  'ipv6',
  'loop',
  'net_failover',
  'qemu_fw_cfg',
  'virtio_net',
  'vmd',
  'xen_netfront',
]

/** Modules that are left out again: tests of themselves, and drivers of what the management OS does nothing with. */
export const NOT_WANTED =
  /^(tcrypt|rxe|tcm_qla2xxx|md_cluster|liquidio.*|target_core|.*_test|.*kunit.*|hid_(?!generic|hyperv|apple|logitech).*|drbd|rbd|nbd|zram|null_blk|brd|rnbd_.*|aoe|pktcdvd|fnic|scsi_debug|dm_(log_userspace|vdo|zoned|writecache|integrity|cache.*|era|clone)|bcache|libfc|libfcoe|fcoe|bnx2fc|qedf|rtsx_.*|memstick|ms_block|mspro_block)$/
