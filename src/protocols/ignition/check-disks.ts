import { checkPath, pathFault } from './check-nodes.ts'
import type { SourceChecks } from './check-sources.ts'
import { doubles, doubleTexts } from './doubles.ts'
import type { Findings } from './findings.ts'
import { shown } from './reading.ts'
import type { Edition } from './schema.ts'
import { flagOf, isSaid, numberOf, type Struct, structOf, structsOf, textOf, textsOf } from './values.ts'

const GUID = /^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$/i
const LEVELS = /^(linear|raid0|0|stripe|raid1|1|mirror|raid4|4|raid5|5|raid6|6|raid10|10)$/
const WITHOUT_SPARES = /^(linear|raid0|0|stripe)$/
/** Formats, and the longest label that each can hold. */
const FORMATS: Readonly<Record<string, number>> = { ext4: 16, btrfs: 256, xfs: 12, vfat: 11, swap: 15, none: 0 }
const MOST_LUKS_LABEL = 47
const MOST_PARTITION_LABEL = 36
const MOST_PARTITIONS = 128
const FCOS_PARTITIONS: Readonly<Record<string, number>> = { boot: 3, root: 4 }
const FCOS_BOOT_DISK = '/dev/disk/by-id/coreos-boot-disk'
const LEAST_ROOT_MIB = 8192

/** Disks, arrays, filesystems and LUKS devices. */
export class DiskChecks {
  readonly #edition: Edition
  readonly #findings: Findings
  readonly #sources: SourceChecks

  constructor(edition: Edition, findings: Findings, sources: SourceChecks) {
    this.#edition = edition
    this.#findings = findings
    this.#sources = sources
  }

  check(storage: Struct | undefined): void {
    for (const disk of structsOf(storage, 'disks')) this.#disk(disk)
    for (const array of structsOf(storage, 'raid')) this.#array(array)
    for (const filesystem of structsOf(storage, 'filesystems')) this.#filesystem(filesystem)
    for (const luks of structsOf(storage, 'luks')) this.#luks(luks)
    doubles(structsOf(storage, 'disks'), 'device', this.#findings)
    doubles(structsOf(storage, 'raid'), 'name', this.#findings)
    doubles(structsOf(storage, 'filesystems'), 'device', this.#findings)
    this.#mountedTwice(structsOf(storage, 'filesystems'))
    doubles(structsOf(storage, 'luks'), 'name', this.#findings)
  }

  #error(struct: Struct, name: string | undefined, message: string, hint = ''): void {
    this.#findings.error(this.#findings.where(struct, name), message, hint)
  }

  #warn(struct: Struct, name: string | undefined, message: string, hint = ''): void {
    this.#findings.warn(this.#findings.where(struct, name), message, hint)
  }

  #disk(disk: Struct): void {
    checkPath(disk, 'device', this.#findings)
    const partitions = structsOf(disk, 'partitions')
    const numbers = new Set<number>()
    const labels = new Set<string>()
    for (const partition of partitions) {
      this.#partition(partition)
      const number = numberOf(partition, 'number') ?? 0
      if (number !== 0 && numbers.has(number))
        this.#error(partition, 'number', `the partition ${number} is there twice`)
      numbers.add(number)
      const label = textOf(partition, 'label') ?? ''
      if (label !== '' && labels.has(label))
        this.#error(partition, 'label', `the partition label ${shown(label)} is there twice`)
      labels.add(label)
    }
    const goes = partitions.find((each) => flagOf(each, 'shouldExist') === false)
    const fills = (each: Struct) => !numberOf(each, 'sizeMiB') || !numberOf(each, 'startMiB')
    const vague = partitions.some((each) => flagOf(each, 'shouldExist') !== false && fills(each))
    if (goes && vague)
      this.#error(goes, 'shouldExist', 'one partition goes and another has no size or start', 'say both in full')
    this.#overlaps(partitions)
    if (this.#edition.language === 'fcos') this.#fcosDisk(disk, partitions)
  }

  #partition(partition: Struct): void {
    const number = numberOf(partition, 'number') ?? 0
    const label = textOf(partition, 'label')
    if (number < 0 || number > MOST_PARTITIONS)
      this.#error(partition, 'number', `the partition number ${number} is not between 0 and ${MOST_PARTITIONS}`)
    if (number === 0 && !label)
      this.#error(partition, undefined, 'a partition needs a number or a label', 'say number, or label')
    if (label !== undefined && label.length > MOST_PARTITION_LABEL)
      this.#error(partition, 'label', `a partition label has at most ${MOST_PARTITION_LABEL} letters`)
    if (label?.includes(':')) this.#error(partition, 'label', 'a partition label cannot have a colon in it')
    for (const name of ['typeGuid', 'guid']) {
      const guid = textOf(partition, name)
      if (guid && !GUID.test(guid))
        this.#error(partition, name, `${shown(guid)} is no GUID`, 'write it as 01234567-89AB-CDEF-EDCB-A98765432101')
    }
    for (const name of ['sizeMiB', 'startMiB'])
      if ((numberOf(partition, name) ?? 0) < 0) this.#error(partition, name, 'this cannot be negative')
    if (flagOf(partition, 'shouldExist') !== false) return
    const others = ['label', 'startMiB', 'sizeMiB', 'guid', 'typeGuid'].filter((name) => {
      const value = partition[name]
      return value !== undefined && !(name.endsWith('uid') && value === '')
    })
    if (others.length > 0)
      this.#error(partition, 'shouldExist', 'a partition that goes has nothing but a number', 'leave the rest out')
    if (number === 0)
      this.#error(partition, 'shouldExist', 'a partition that goes is named by its number', 'say number')
  }

  #overlaps(partitions: readonly Struct[]): void {
    const placed = partitions
      .map((partition) => {
        const start = numberOf(partition, 'startMiB') ?? 0
        const size = numberOf(partition, 'sizeMiB') ?? 0
        return { partition, start, size }
      })
      .filter(({ partition, start }) => start > 0 && flagOf(partition, 'shouldExist') !== false)
      .sort((a, b) => a.start - b.start)
    placed.forEach(({ partition, start }, index) => {
      const before = placed[index - 1]
      if (!before || (before.size > 0 ? before.start + before.size <= start : before.start < start)) return
      this.#error(
        partition,
        'startMiB',
        'this partition overlaps another one',
        `start it at ${before.start + before.size}`,
      )
    })
  }

  #fcosDisk(disk: Struct, partitions: readonly Struct[]): void {
    if (flagOf(disk, 'wipeTable')) return
    const onBootDisk = textOf(disk, 'device') === FCOS_BOOT_DISK
    for (const partition of partitions) {
      const label = textOf(partition, 'label') ?? ''
      const number = numberOf(partition, 'number') ?? 0
      const own = Object.hasOwn(FCOS_PARTITIONS, label) ? FCOS_PARTITIONS[label] : undefined
      if (own !== undefined && number !== own) {
        const hint = `say number: ${own}, or choose another label`
        this.#warn(partition, 'label', `this makes a new partition with the label that partition ${own} has`, hint)
      } else if (number === 0 && label !== '' && !onBootDisk) {
        const hint = 'say number, or wipe_table: true'
        this.#warn(partition, 'number', 'without a number an existing partition of that label is not found again', hint)
      }
      const size = numberOf(partition, 'sizeMiB') ?? 0
      if (label === 'root' && number === own && size > 0 && size < LEAST_ROOT_MIB)
        this.#warn(partition, 'sizeMiB', 'the root partition should have at least 8 GiB for updates')
    }
  }

  #array(array: Struct): void {
    const level = textOf(array, 'level')
    if (level !== undefined && !LEVELS.test(level))
      this.#error(
        array,
        'level',
        `the RAID level ${shown(level)} is unknown`,
        'say raid0, raid1, raid5, raid6 or raid10',
      )
    if (level !== undefined && WITHOUT_SPARES.test(level) && (numberOf(array, 'spares') ?? 0) !== 0)
      this.#error(array, 'spares', `an array of level ${level} has no spares`)
    if ((textOf(array, 'name') ?? 'x') === '') this.#error(array, 'name', 'the name is empty')
    const devices = textsOf(array, 'devices')
    if (devices.length === 0) this.#error(array, 'devices', 'an array needs devices', 'say devices')
    doubleTexts(devices, this.#findings)
    devices.forEach((device, index) => {
      const fault = pathFault(device)
      if (fault) this.#findings.error(this.#findings.where(devices, String(index)), fault)
    })
  }

  #filesystem(filesystem: Struct): void {
    checkPath(filesystem, 'device', this.#findings)
    const path = textOf(filesystem, 'path')
    if (path) checkPath(filesystem, 'path', this.#findings)
    const format = textOf(filesystem, 'format')
    const label = textOf(filesystem, 'label')
    if (!format) {
      const given = ['path', 'label', 'uuid', 'wipeFilesystem', 'options', 'mountOptions'].find((name) => {
        return isSaid(filesystem[name]) && filesystem[name] !== '' && filesystem[name] !== false
      })
      const named =
        this.#edition.language === 'ignition' ? given : given?.replace(/[A-Z]/, (each) => `_${each.toLowerCase()}`)
      if (named) this.#error(filesystem, 'format', `format is required if ${named} is said`, 'say format')
      return
    }
    const known = Object.keys(FORMATS).filter((each) => each !== 'none' || this.#edition.ignition >= 3)
    const most = known.includes(format) ? FORMATS[format]! : undefined
    if (most === undefined)
      this.#error(
        filesystem,
        'format',
        `the filesystem format ${shown(format)} is unknown`,
        `say one of ${known.join(', ')}`,
      )
    else if (label && most > 0 && label.length > most)
      this.#error(filesystem, 'label', `a label of ${format} has at most ${most} letters, this one has ${label.length}`)
    this.#mountPoint(filesystem, path)
  }

  /** Ignition lets one filesystem hide another. */
  #mountedTwice(filesystems: readonly Struct[]): void {
    const seen = new Set<string>()
    for (const filesystem of filesystems) {
      const path = textOf(filesystem, 'path')
      if (!path) continue
      if (seen.has(path)) this.#warn(filesystem, 'path', `another filesystem is mounted at ${shown(path)} too`)
      seen.add(path)
    }
  }

  #mountPoint(filesystem: Struct, path: string | undefined): void {
    if (this.#edition.language === 'fcos') return
    // flatcar/Flatcar issues 1612 and 979: the initial RAM disk has these mounted itself already.
    if (path === '/' || path === '/usr/share/oem' || path === '/oem') {
      const hint = 'leave path out: Flatcar mounts this filesystem by its label'
      this.#warn(filesystem, 'path', `Flatcar has ${path} mounted already, and then does not boot`, hint)
    }
  }

  #luks(luks: Struct): void {
    const name = textOf(luks, 'name')
    if (name === '') this.#error(luks, 'name', 'the name is empty')
    if (name?.includes('/')) this.#error(luks, 'name', 'the name of a LUKS device has no slash')
    if ((textOf(luks, 'label') ?? '').length > MOST_LUKS_LABEL)
      this.#error(luks, 'label', `a label of LUKS has at most ${MOST_LUKS_LABEL} letters`)
    if (!textOf(luks, 'device')) this.#error(luks, 'device', 'device is required', 'say device')
    else checkPath(luks, 'device', this.#findings)
    this.#sources.resource(structOf(luks, 'keyFile'), 'optional')
    const clevis = structOf(luks, 'clevis')
    if (clevis) this.#clevis(clevis)
    if (flagOf(structOf(luks, 'cex'), 'enabled')) {
      const other = ['clevis', 'keyFile'].find((each) => isSaid(luks[each]))
      if (other) this.#error(luks, 'cex', 'cex excludes clevis and a key file', 'keep one of them')
    }
  }

  #clevis(clevis: Struct): void {
    const custom = structOf(clevis, 'custom')
    const tang = structsOf(clevis, 'tang')
    doubles(tang, 'url', this.#findings)
    for (const server of tang) {
      const url = textOf(server, 'url')
      if (url !== undefined && !/^https?:\/\/[^/?#\s]/i.test(url))
        this.#error(server, 'url', 'a tang server is named by a URL with http or https')
      if (!textOf(server, 'thumbprint'))
        this.#error(server, 'thumbprint', 'thumbprint is required', 'tang-show-keys tells it')
      const advertisement = textOf(server, 'advertisement')
      if (advertisement && !isJson(advertisement)) this.#error(server, 'advertisement', 'the advertisement is no JSON')
    }
    const pieces = tang.length + (flagOf(clevis, 'tpm2') ? 1 : 0)
    const threshold = numberOf(clevis, 'threshold')
    if (threshold !== undefined && pieces > 0 && (threshold < 1 || threshold > pieces))
      this.#warn(clevis, 'threshold', `${threshold} of ${pieces} pieces cannot unlock the device`)
    if (!isSaid(custom)) return
    const pin = textOf(custom, 'pin')
    if (pieces > 0 || (threshold ?? 0) !== 0)
      this.#error(clevis, 'custom', 'custom excludes tang, tpm2 and threshold', 'leave the others out')
    if (!pin) this.#error(custom!, 'pin', 'pin is required', 'say tpm2, tang or sss')
    else if (!/^(tpm2|tang|sss)$/.test(pin))
      this.#error(custom!, 'pin', `the pin ${shown(pin)} is unknown`, 'say tpm2, tang or sss')
    if (!textOf(custom, 'config')) this.#error(custom!, 'config', 'config is required', 'say config')
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
