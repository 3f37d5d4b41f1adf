import { createHash } from 'node:crypto'
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { Refusal } from '../kit/errors.ts'
import { emptyGpt, type GptEntry, layOutGpt } from '../protocols/disk/gpt.ts'
import { bootCode, GRUB_MODULES, GRUB_PREFIX, grubConfig, type Kernel, placedCore } from './grub.ts'
import { type Area, type Identifiers, identifiers, type Layout, layOut } from './layout.ts'
import { needPrograms, runProgram } from './programs.ts'
import {
  type AsRoot,
  asRoot,
  findKernel,
  hasContainerMark,
  hasInit,
  missingDirectories,
  openRootfs,
  type Rootfs,
} from './rootfs.ts'

export type ImageOrder = Readonly<{
  /** Where the disk image shall be; replaced when it is whole. */
  file: string
  /** A directory, a tar archive (plain, gzip, xz or zstd), or `-` for a plain tar archive on standard input. */
  from: string
  /** Bytes of the disk; found if left out. */
  size?: number | undefined
  cmdline: string
  firmware: readonly ('bios' | 'uefi')[]
  /** UEFI gets shim and GRUB as Debian has had them signed, for machines with Secure Boot on. The kernel must be a signed one too. */
  secureBoot?: boolean | undefined
  /** Files of this computer, for a root filesystem that has no kernel. */
  kernel?: string | undefined
  initrd?: string | undefined
}>

export type BuiltImage = Readonly<{
  file: string
  bytes: number
  /** Of the file on this computer: holes take nothing. */
  allocatedBytes: number
  kernel: string
  initrd: string | null
  rootPartition: string
  rootFilesystem: string
  /** What is odd about the content, in sentences. */
  notes: readonly string[]
}>

const GRUB = '/usr/lib/grub'
const SHIM = '/usr/lib/shim/shimx64.efi.signed'
const SIGNED_GRUB = `${GRUB}/x86_64-efi-signed/grubx64.efi.signed`
/** UEFI 2.10 table 5.7, and GRUB's own for the core image. */
const TYPE_ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
const TYPE_BIOS = '21686148-6449-6E6F-744E-656564454649'
/** "Root Partition (x86-64)" of the Discoverable Partitions Specification. */
const TYPE_ROOT = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709'

/**
 * Builds a disk that boots by BIOS and UEFI from a root filesystem: GPT with a BIOS boot partition, an EFI system partition and an ext4
 * that fills the rest. Needs no loop device and no root; what Debian packages are missing is told. Equal content gives an equal disk,
 * as long as the filesystem it is read from lists names in the same order.
 */
export async function buildImage(order: ImageOrder, tell: (text: string) => void): Promise<BuiltImage> {
  if (order.firmware.length === 0) throw new Refusal('validation-failed', 'an image boots by bios, uefi or both')
  if (order.secureBoot && !order.firmware.includes('uefi'))
    throw new Refusal('validation-failed', 'a BIOS knows no Secure Boot: the image must boot by UEFI', {
      next: 'leave secure boot out, or build for uefi',
    })
  await needPrograms([
    ...['tar', 'mkfs.ext4', 'debugfs', 'e2fsck', 'mkfs.vfat', 'mmd', 'mcopy', 'grub-mkimage'],
    ...(process.geteuid?.() === 0 ? [] : ['fakeroot']),
    ...(order.firmware.includes('bios') ? [`${GRUB}/i386-pc/boot.img`] : []),
    ...(order.firmware.includes('uefi') && !order.secureBoot ? [`${GRUB}/x86_64-efi/kernel.img`] : []),
    ...(order.secureBoot ? [SHIM, SIGNED_GRUB] : []),
  ])
  const folder = await realpath(dirname(resolve(order.file)))
  // Beside the result: it is there that room was made, and a rename stays within one filesystem.
  const work = await mkdtemp(join(folder, '.reveille-build-'))
  try {
    return await buildIn(work, order, tell)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

async function buildIn(work: string, order: ImageOrder, tell: (text: string) => void): Promise<BuiltImage> {
  const as = asRoot(join(work, 'owners'))
  tell(`reading ${order.from === '-' ? 'the archive' : order.from}`)
  const rootfs = await openRootfs(order.from, work, as)
  const kernel = order.kernel === undefined ? await findKernel(rootfs.directory) : givenKernel(order)
  const derive = (purpose: string) =>
    createHash('sha256').update(`${purpose}\0${rootfs.sha256}`).digest('hex').slice(0, 32)
  const ids = identifiers(derive)
  const esp = await prepareEsp(work, order, kernel, ids)
  const layout = layOut({ contents: rootfs.contents, espContents: esp.bytes, size: order.size })

  const disk = join(work, 'disk')
  await writeFile(disk, '')
  await truncate(disk, layout.bytes)
  tell('making the root filesystem')
  await makeRoot(disk, layout.root, rootfs, ids, as)
  tell('making it bootable')
  await makeEsp(disk, layout.esp, esp, ids, rootfs.newest)
  await writeTable(disk, layout, ids, esp.core)
  const { blocks } = await stat(disk)
  await rename(disk, order.file)
  return {
    file: order.file,
    bytes: layout.bytes,
    allocatedBytes: blocks * 512,
    kernel: kernel.kernel,
    initrd: kernel.initrd ?? null,
    rootPartition: ids.rootPartition,
    rootFilesystem: ids.rootFilesystem,
    notes: await oddities(rootfs, kernel),
  }
}

function givenKernel({ initrd }: ImageOrder): Kernel {
  return { on: 'esp', kernel: '/grub/vmlinuz', initrd: initrd === undefined ? undefined : '/grub/initrd' }
}

async function oddities(rootfs: Rootfs, kernel: Kernel): Promise<string[]> {
  const notes: string[] = []
  if (kernel.initrd === undefined)
    notes.push('there is no initrd: the kernel must have the drivers of the disk and of ext4 built in')
  if (!(await hasInit(rootfs.directory)))
    notes.push('there is no /sbin/init: install one (Debian: systemd-sysv), or the kernel has nothing to start')
  return notes
}

/** What goes onto the EFI system partition, as a tree of files; and the core image for BIOS, which goes beside it. */
type Esp = Readonly<{
  tree: string
  folders: readonly string[]
  files: readonly string[]
  bytes: number
  core: Uint8Array | undefined
}>

async function prepareEsp(work: string, order: ImageOrder, kernel: Kernel, ids: Identifiers): Promise<Esp> {
  const tree = join(work, 'esp')
  const files = ['grub/grub.cfg']
  const folders = ['grub', 'EFI', 'EFI/BOOT']
  await mkdir(join(tree, 'grub'), { recursive: true })
  await mkdir(join(tree, 'EFI/BOOT'), { recursive: true })
  const config = grubConfig({ kernel, partition: ids.rootPartition, cmdline: order.cmdline })
  await writeFile(join(tree, 'grub/grub.cfg'), config)
  if (order.kernel !== undefined) {
    await copyFile(order.kernel, join(tree, 'grub/vmlinuz'))
    files.push('grub/vmlinuz')
    if (order.initrd !== undefined) {
      await copyFile(order.initrd, join(tree, 'grub/initrd'))
      files.push('grub/initrd')
    }
  }
  if (order.secureBoot) {
    // shim starts the GRUB beside it, and that one looks for its menu here, from wherever it was started.
    await mkdir(join(tree, 'EFI/debian'))
    folders.push('EFI/debian')
    await writeFile(join(tree, 'EFI/debian/grub.cfg'), config)
    const copies = ['EFI/BOOT/BOOTX64.EFI', 'EFI/debian/shimx64.efi', 'EFI/BOOT/grubx64.efi', 'EFI/debian/grubx64.efi']
    for (const name of copies) await copyFile(name.endsWith('/grubx64.efi') ? SIGNED_GRUB : SHIM, join(tree, name))
    files.push('EFI/debian/grub.cfg', ...copies)
  } else if (order.firmware.includes('uefi')) {
    // The name that firmware looks for on a disk it does not know (UEFI 2.10 §3.5.1.1).
    await grubImage('x86_64-efi', join(tree, 'EFI/BOOT/BOOTX64.EFI'))
    files.push('EFI/BOOT/BOOTX64.EFI')
  }
  let core: Uint8Array | undefined
  if (order.firmware.includes('bios')) {
    await grubImage('i386-pc', join(work, 'core.img'))
    core = await readFile(join(work, 'core.img'))
  }
  let bytes = 0
  for (const file of files) bytes += (await stat(join(tree, file))).size
  return { tree, folders, files, bytes, core }
}

async function grubImage(format: keyof typeof GRUB_MODULES, output: string): Promise<void> {
  await runProgram('grub-mkimage', [
    ...['--format', format, '--directory', `${GRUB}/${format}`, '--prefix', GRUB_PREFIX, '--output', output],
    ...GRUB_MODULES[format],
  ])
}

async function makeRoot(disk: string, area: Area, rootfs: Rootfs, ids: Identifiers, as: AsRoot): Promise<void> {
  const { entries } = rootfs.contents
  const time = { E2FSPROGS_FAKE_TIME: String(rootfs.newest), SOURCE_DATE_EPOCH: String(rootfs.newest) }
  // One inode for 16 KiB, as is usual, unless the content has more and smaller files.
  const inodes = Math.max(Math.ceil(area.bytes / 16_384), entries * 2)
  const extended = [
    `offset=${area.offset}`,
    `hash_seed=${ids.hashSeed}`,
    // The file is all holes: nothing has to be written as zeros, neither now nor by the kernel that mounts it first.
    ...['lazy_itable_init=0', 'lazy_journal_init=0', 'assume_storage_prezeroed=1', 'nodiscard', 'root_owner=0:0'],
  ]
  await as(
    'mkfs.ext4',
    [
      ...['-q', '-F', '-b', '4096', '-m', '1', '-L', 'root', '-U', ids.rootFilesystem, '-N', String(inodes)],
      // GRUB 2.06 reads neither.
      ...['-O', '^orphan_file,^metadata_csum_seed', '-E', extended.join(','), '-d', rootfs.directory],
      ...[disk, `${area.bytes / 1024}k`],
    ],
    { environment: time },
  )
  await runProgram('debugfs', ['-w', '-f', '-', `${disk}?offset=${area.offset}`], {
    environment: time,
    input: await corrections(rootfs, time.SOURCE_DATE_EPOCH),
  })
  await runProgram('e2fsck', ['-f', '-n', `${disk}?offset=${area.offset}`])
}

/** The first inode that a file can have is 11: it is lost+found. */
const FIRST_INODE = 11

/** What mkfs took from this computer and not from the content: times of change and access. And what a container lacks. */
async function corrections(rootfs: Rootfs, time: string): Promise<string> {
  const lines: string[] = []
  for (const name of await missingDirectories(rootfs.directory)) {
    lines.push(`mkdir /${name}`)
    if (name === 'tmp') lines.push('set_inode_field /tmp mode 041777')
  }
  if (await hasContainerMark(rootfs.directory)) lines.push('rm /.dockerenv')
  for (const inode of [2, ...Array.from({ length: rootfs.contents.entries + 1 }, (_, i) => FIRST_INODE + i)])
    for (const field of ['atime', 'ctime', 'crtime']) {
      lines.push(`set_inode_field <${inode}> ${field} @${time}`)
      lines.push(`set_inode_field <${inode}> ${field}_extra 0`)
    }
  return `${lines.join('\n')}\n`
}

async function makeEsp(disk: string, area: Area, esp: Esp, ids: Identifiers, newest: number): Promise<void> {
  const environment = { SOURCE_DATE_EPOCH: String(newest), MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' }
  await runProgram('mkfs.vfat', [
    ...['--invariant', '-F', '32', '-s', '1', '-S', '512', '-i', ids.espVolume, '-n', 'EFI'],
    ...['-h', String(area.firstLba), '--offset', String(area.firstLba), disk, String(area.bytes / 1024)],
  ])
  const image = `${disk}@@${area.offset}`
  await runProgram('mmd', ['-i', image, ...esp.folders.map((folder) => `::/${folder}`)], { environment })
  for (const file of esp.files)
    await runProgram('mcopy', ['-i', image, join(esp.tree, file), `::/${file}`], { environment })
}

async function writeTable(disk: string, layout: Layout, ids: Identifiers, core: Uint8Array | undefined): Promise<void> {
  const entry = (number: number, type: string, guid: string, { firstLba, lastLba }: Area, name: string): GptEntry => {
    return { number, type, guid, firstLba, lastLba, attributes: '0000000000000000', name }
  }
  const gpt = {
    ...emptyGpt(layout.bytes, { diskGuid: ids.disk }),
    entries: [
      entry(1, TYPE_BIOS, ids.biosPartition, layout.bios, 'BIOS boot'),
      entry(2, TYPE_ESP, ids.espPartition, layout.esp, 'EFI system'),
      entry(3, TYPE_ROOT, ids.rootPartition, layout.root, 'root'),
    ],
  }
  const first = new Uint8Array(512)
  const file = await open(disk, 'r+')
  try {
    if (core) {
      const coreLba = layout.bios.firstLba
      if (core.length > layout.bios.bytes) throw new Refusal('not-available', "GRUB's core image is larger than 1 MiB")
      first.set(bootCode(await readFile(`${GRUB}/i386-pc/boot.img`), coreLba))
      await file.write(placedCore(core, coreLba), 0, core.length, layout.bios.offset)
    }
    for (const { offset, bytes } of layOutGpt(gpt, layout.bytes, first))
      await file.write(bytes, 0, bytes.length, offset)
    await file.sync()
  } finally {
    await file.close()
  }
}
