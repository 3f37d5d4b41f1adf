import { Refusal } from '../kit/errors.ts'

/** What `grub-mkimage` puts into both boot loaders: they load nothing from elsewhere. */
const MODULES = [
  'part_gpt',
  'fat',
  'ext2',
  'normal',
  'linux',
  'configfile',
  'regexp',
  'test',
  'echo',
  'ls',
  'cat',
  'reboot',
  'halt',
]
export const GRUB_MODULES = {
  'i386-pc': [...MODULES, 'biosdisk'],
  'x86_64-efi': [...MODULES, 'all_video'],
} as const

/** The second partition of the disk that was booted, whichever that is: a copy on another disk is never taken by mistake. */
export const GRUB_PREFIX = '(,gpt2)/grub'

/** A kernel on the root filesystem, or (`esp`) beside the boot loader. Paths from `/` on. */
export type Kernel = Readonly<{ on: 'root' | 'esp'; kernel: string; initrd: string | undefined }>

/** One word of GRUB's language. Between single quotes nothing has a meaning but their end (GRUB manual, "Quoting"). */
function word(text: string): string {
  if (!/^[\x21-\x7e]+$/.test(text) || /['"\\]/.test(text))
    throw new Refusal('validation-failed', `${JSON.stringify(text)} cannot stand in a boot loader's configuration`, {
      next: 'use printable ASCII without quotes and backslashes',
    })
  return `'${text}'`
}

/** The boot loader's configuration: one entry that boots at once; Escape or Shift shows the menu. */
export function grubConfig({
  kernel,
  partition,
  cmdline,
}: {
  kernel: Kernel
  partition: string
  cmdline: string
}): string {
  const root = kernel.on === 'root' ? 'gpt3' : 'gpt2'
  const words = [`root=PARTUUID=${partition}`, 'rw', ...cmdline.split(/\s+/).filter((part) => part !== '')]
  return [
    'set timeout_style=hidden',
    'set timeout=1',
    'set default=0',
    'regexp --set=1:disk \'^[(]([^,]+)\' "$prefix"',
    `set root="$disk,${root}"`,
    "menuentry 'Linux' {",
    `  linux ${[kernel.kernel, ...words].map(word).join(' ')}`,
    ...(kernel.initrd === undefined ? [] : [`  initrd ${word(kernel.initrd)}`]),
    '}',
    '',
  ].join('\n')
}

const SECTOR = 512
/** Fields of GRUB's boot.img (include/grub/i386/pc/boot.h): where the core begins, and the check for a drive the BIOS did not name. */
const KERNEL_SECTOR = 0x5c
const DRIVE_CHECK = 0x66
/** Boot code ends before the disk signature. */
const BOOT_CODE_BYTES = 440
/** The first sector of a core image ends with a list of where the rest lies: u64 first block, u16 blocks, u16 segment. */
const BLOCK_LIST = SECTOR - 12

/** Boot code for the first block of a disk whose core image begins at `coreLba`. */
export function bootCode(bootImage: Uint8Array, coreLba: number): Uint8Array {
  if (bootImage.length !== SECTOR) throw new Refusal('not-available', `GRUB's boot.img has ${bootImage.length} bytes`)
  const code = bootImage.slice(0, BOOT_CODE_BYTES)
  new DataView(code.buffer).setBigUint64(KERNEL_SECTOR, BigInt(coreLba), true)
  // Two no-operations instead of a jump: some BIOSes pass a wrong drive number, and this is never a floppy.
  code.set([0x90, 0x90], DRIVE_CHECK)
  return code
}

/** The core image told where it lies: as one run of blocks from `coreLba` on. */
export function placedCore(core: Uint8Array, coreLba: number): Uint8Array {
  const placed = core.slice()
  const view = new DataView(placed.buffer)
  const blocks = Math.ceil(core.length / SECTOR) - 1
  if (core.length < 2 * SECTOR || view.getUint16(BLOCK_LIST + 8, true) !== blocks)
    throw new Refusal('not-available', "GRUB's core image is not laid out as expected")
  view.setBigUint64(BLOCK_LIST, BigInt(coreLba + 1), true)
  return placed
}
