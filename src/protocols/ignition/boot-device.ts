import { dataUrl, type Gzip, utf8 } from './data-url.ts'
import type { Findings, Spot } from './findings.ts'
import { flagOf, type Struct, structOf, structsOf, textOf, textsOf } from './values.ts'

/** GPT types of partitions. */
const TYPE = {
  reserved: '8DA63339-0007-60C0-C436-083AC8230908',
  bios: '21686148-6449-6E6F-744E-656564454649',
  prep: '9E1A2D38-C612-4316-AA26-8B49521E5A8B',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
} as const
/** Sizes in MiB of the images' partitions; those of a layout never change. */
const SIZE = { reserved: 1, bios: 1, prep: 4, esp: 127, boot: 384 } as const

type Small = 'reserved' | 'bios' | 'prep' | 'esp'
/** The first two partitions of an image by layout; after them come boot and root. */
const LAYOUTS: Readonly<Record<string, readonly [Small, Small] | null>> = {
  x86_64: ['bios', 'esp'],
  aarch64: ['reserved', 'esp'],
  ppc64le: ['prep', 'reserved'],
  's390x-eckd': null,
  's390x-virt': null,
  's390x-zfcp': null,
}

/** The partition of the root filesystem, and how a disk's name begins, where a disk must be named. */
const NAMED_DISKS: Readonly<Record<string, readonly [string, string]>> = {
  's390x-eckd': ['2', '/dev/dasd'],
  's390x-zfcp': ['4', '/dev/sd'],
}

/** What Fedora CoreOS makes of `boot_device` (Butane's documentation of fcos 1.3.0 and later): entries of `storage`. */
export function bootDeviceStorage(device: Struct, own: number, findings: Findings): Struct {
  const luks = structOf(device, 'luks')
  const mirror = structOf(device, 'mirror')
  const layout = textOf(device, 'layout') ?? 'x86_64'
  const known = Object.keys(LAYOUTS).filter((name) => own >= 6 || LAYOUTS[name] !== null)
  if (!known.includes(layout)) {
    findings.error(findings.where(device, 'layout'), `layout is one of ${known.join(', ')}`)
    return {}
  }
  const cex = flagOf(structOf(luks, 'cex'), 'enabled') === true
  const unlocks = structsOf(luks, 'tang').length > 0 || flagOf(luks, 'tpm2') === true || cex
  const storage: Struct = {}
  const disks = textsOf(mirror, 'devices')
  if (mirror && disks.length > 0) {
    if (LAYOUTS[layout] === null) {
      findings.error(findings.where(device, 'layout'), `the layout ${layout} cannot be mirrored`)
      return {}
    }
    if (disks.length < 2) {
      const hint = 'name another disk'
      findings.error(findings.where(mirror, 'devices'), 'mirroring requires at least two devices', hint)
      return {}
    }
    mirrored(storage, disks, LAYOUTS[layout]!, findings)
  }
  if (luks && unlocks) encrypted(storage, luks, layout, disks.length > 0, findings)
  else if (luks && !unlocks) {
    const hint = 'name a tang server, or say tpm2: true'
    findings.warn(findings.where(device, 'luks'), 'nothing unlocks the root filesystem, so it is not encrypted', hint)
  }
  if (disks.length === 0 && !unlocks) return storage
  const root = unlocks ? '/dev/mapper/root' : '/dev/md/md-root'
  const spot = findings.where(device)
  const filesystem = made(findings, spot, { device: root, format: 'xfs', label: 'root', wipeFilesystem: true })
  storage.filesystems = [...structsOf(storage, 'filesystems'), filesystem]
  return storage
}

function made(findings: Findings, spot: Spot, struct: Struct): Struct {
  return findings.adopt(struct, spot)
}

function mirrored(
  storage: Struct,
  disks: string[],
  [first, second]: readonly [Small, Small],
  findings: Findings,
): void {
  const spot = findings.where(disks)
  const filesystems: Struct[] = []
  storage.disks = disks.map((device, index) => {
    const at = findings.where(disks, String(index))
    const number = index + 1
    const small = (kind: Small) => ({ label: `${kind}-${number}`, sizeMiB: SIZE[kind], typeGuid: TYPE[kind] })
    const boot = { label: `boot-${number}`, sizeMiB: SIZE.boot }
    const partitions = [small(first), small(second), boot, { label: `root-${number}` }]
    if (second === 'esp') {
      const label = `esp-${number}`
      const esp = { device: `/dev/disk/by-partlabel/${label}`, format: 'vfat', label, wipeFilesystem: true }
      filesystems.push(made(findings, at, esp))
    }
    return made(findings, at, {
      device,
      partitions: partitions.map((each) => made(findings, at, each)),
      wipeTable: true,
    })
  })
  const parts = (name: string) =>
    findings.adopt(
      disks.map((_, index) => `/dev/disk/by-partlabel/${name}-${index + 1}`),
      spot,
    )
  storage.raid = [
    // With its metadata at the end, so that firmware and GRUB can read it as a plain filesystem.
    made(findings, spot, { devices: parts('boot'), level: 'raid1', name: 'md-boot', options: ['--metadata=1.0'] }),
    made(findings, spot, { devices: parts('root'), level: 'raid1', name: 'md-root' }),
  ]
  const boot = { device: '/dev/md/md-boot', format: 'ext4', label: 'boot', wipeFilesystem: true }
  filesystems.push(made(findings, spot, boot))
  storage.filesystems = filesystems
}

function encrypted(storage: Struct, luks: Struct, layout: string, isMirrored: boolean, findings: Findings): void {
  const spot = findings.where(luks)
  let device = isMirrored ? '/dev/md/md-root' : '/dev/disk/by-partlabel/root'
  const named = NAMED_DISKS[layout]
  const disk = textOf(luks, 'device')
  if (named && !isMirrored) {
    const [number, beginning] = named
    if (!disk)
      findings.error(findings.where(luks, 'device'), `device is required for the layout ${layout}`, 'say device')
    else if (!disk.startsWith(beginning))
      findings.error(findings.where(luks, 'device'), `with the layout ${layout} the device begins with ${beginning}`)
    if (disk) device = `${disk}${number}`
  }
  if (flagOf(structOf(luks, 'cex'), 'enabled') && !layout.startsWith('s390x'))
    findings.error(findings.where(luks, 'cex'), 'cex needs a layout of s390x', 'say layout, or leave cex out')
  const clevis: Struct = {}
  for (const name of ['tang', 'threshold', 'tpm2']) clevis[name] = luks[name]
  const { discard, cex } = luks
  findings.inherit(clevis, luks)
  const entry: Struct = { clevis, device, discard, label: 'luks-root', name: 'root', wipeVolume: true }
  if (flagOf(structOf(luks, 'cex'), 'enabled')) entry.cex = cex
  storage.luks = [made(findings, spot, entry)]
}

/** What Fedora CoreOS makes of `grub.users`: a file beside GRUB's own configuration that asks for a password. */
export function grubStorage(grub: Struct, gzip: Gzip | undefined, findings: Findings): Struct {
  const users = structsOf(grub, 'users').map((user) => [textOf(user, 'name'), textOf(user, 'passwordHash')] as const)
  if (users.length === 0) return {}
  const spot = findings.where(grub, 'users')
  const names = users.map(([name]) => name).join(' ')
  const lines = users.map(([name, hash]) => `password_pbkdf2 ${name} ${hash}\n`)
  const text = `# Generated by Butane\n\nset superusers="${names}"\n${lines.join('')}`
  for (const user of structsOf(grub, 'users')) {
    if (/[\s"'\\$;&|<>{}]/.test(textOf(user, 'name') ?? ''))
      findings.error(findings.where(user, 'name'), 'the name of a GRUB user has letters that GRUB reads as its own')
    const hash = textOf(user, 'passwordHash')
    if (hash !== undefined && !/^grub\.pbkdf2\.[\w.]+$/.test(hash)) {
      const hint = 'make it with grub2-mkpasswd-pbkdf2'
      findings.error(findings.where(user, 'passwordHash'), 'this is no password hash of GRUB', hint)
    }
  }
  const append = findings.adopt<Struct>({ ...dataUrl(utf8(text), gzip) }, spot)
  return {
    filesystems: [made(findings, spot, { device: '/dev/disk/by-label/boot', format: 'ext4', path: '/boot' })],
    files: [made(findings, spot, { path: '/boot/grub2/user.cfg', append: [append] })],
  }
}
