/** Debian packages whose programs are in the management OS; the libraries that those need are found by themselves. */
export const PROGRAM_PACKAGES = ['busybox-static', 'e2fsprogs', 'util-linux', 'smartmontools'] as const

/** Needed by the pinned Node, which no package names. */
export const LIBRARY_PACKAGES = ['libc6', 'libstdc++6', 'libgcc-s1'] as const

/** Programs beside BusyBox, by the name they are called. BusyBox has smaller ones of some names that lack what is needed here. */
export const PROGRAMS = [
  'blkdiscard',
  'blkid',
  'e2fsck',
  'fstrim',
  'mke2fs',
  'partx',
  'resize2fs',
  'smartctl',
  'wipefs',
] as const

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
export const MODULES = [
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
] as const

/** Modules that are left out again: tests of themselves, and drivers of what the management OS does nothing with. */
export const NOT_WANTED =
  /^(tcrypt|rxe|target_core|.*_test|.*kunit.*|hid_(?!generic|hyperv|apple|logitech).*|drbd|rbd|nbd|zram|null_blk|brd|rnbd_.*|aoe|pktcdvd|fnic|scsi_debug|dm_(log_userspace|vdo|zoned|writecache|integrity|cache.*|era|clone)|bcache|libfc|libfcoe|fcoe|bnx2fc|qedf|rtsx_.*|memstick|ms_block|mspro_block)$/
