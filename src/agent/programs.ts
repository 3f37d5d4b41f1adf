/** A program that the agent starts. `busybox`: its applet of that name is enough. */
export type AgentProgram = Readonly<{
  name: string
  /** The Debian package that holds it. */
  package: string
  why: string
  /** Without a required one the management OS is not built; without an optional one the agent says what it cannot do. */
  required: boolean
}>

const busybox = (name: string, why: string): AgentProgram => ({ name, package: 'busybox-static', why, required: true })

/** Everything the agent starts, for who builds the management OS. */
export const AGENT_PROGRAMS: readonly AgentProgram[] = [
  busybox('sh', 'runs scripts of operators'),
  busybox('dd', 'reads disks in a process that can be left behind when a disk is dead'),
  busybox('mount', 'reaches the installed system, the EFI system partition and efivarfs'),
  busybox('umount', 'lets go of them again'),
  busybox('sync', 'brings everything to the disks before the machine restarts'),
  busybox('blockdev', 'reads partition tables again and drops what is cached of a disk'),
  busybox('reboot', 'restarts the machine'),
  busybox('poweroff', 'switches the machine off'),
  { name: 'blkdiscard', package: 'util-linux', why: 'discards and zeros disks (busybox lacks -z)', required: true },
  { name: 'e2fsck', package: 'e2fsprogs', why: 'checks ext4 before it grows', required: true },
  { name: 'resize2fs', package: 'e2fsprogs', why: 'grows ext4', required: true },
  { name: 'xfs_growfs', package: 'xfsprogs', why: 'grows XFS', required: false },
  { name: 'btrfs', package: 'btrfs-progs', why: 'grows Btrfs', required: false },
  { name: 'smartctl', package: 'smartmontools', why: 'asks disks for their health', required: false },
  { name: 'nvme', package: 'nvme-cli', why: 'erases NVMe disks by their own command', required: false },
  { name: 'hdparm', package: 'hdparm', why: 'erases SATA disks by their own command', required: false },
  { name: 'kexec', package: 'kexec-tools', why: 'starts the installed kernel without the firmware', required: false },
]

/** Kernel modules that these tasks need, besides drivers of disks and networks. All may be missing from a kernel that has them built in. */
export const AGENT_MODULES: readonly string[] = [
  'ext4',
  'xfs',
  'btrfs',
  'vfat',
  'nls_cp437',
  'nls_ascii',
  'nls_iso8859-1',
  'efivarfs',
  'ipmi_si',
  'ipmi_devintf',
]
