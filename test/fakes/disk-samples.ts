import { ByteWriter, latin1Bytes } from '../../src/kit/bytes.ts'
import { emptyGpt, layOutGpt } from '../../src/protocols/disk/gpt.ts'

/** Smallest contents that are recognised, for tests without the programs that make real ones. */
export const SAMPLE_BYTES = 1024 * 1024
export const SAMPLE_UUID = '6b2f9f0e-52c1-4d27-8f5e-0e2a54b1c001'
const UUID_BYTES = Uint8Array.from(
  SAMPLE_UUID.replaceAll('-', '')
    .match(/../g)!
    .map((digits) => Number.parseInt(digits, 16)),
)

type Field = readonly [at: number, value: string | number | Uint8Array]

function sample(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(SAMPLE_BYTES)
  for (const [at, value] of fields) {
    if (typeof value === 'number') new DataView(bytes.buffer).setUint32(at, value, true)
    else bytes.set(typeof value === 'string' ? latin1Bytes(value) : value, at)
  }
  return bytes
}

const BOOT = [
  [0, '\xeb\x3c\x90'],
  [510, '\x55\xaa'],
] as const satisfies readonly Field[]

function zfs(): Uint8Array {
  const list = new ByteWriter().u8(1).u8(1).u16(0).u32(0).u32(1)
  list.u32(36).u32(32).u32(4).text('name', 4).u32(9).u32(1).u32(4).text('tank', 4).u32(0)
  list.u32(40).u32(40).u32(9).text('pool_guid', 12).u32(8).u32(1).u32(0x01234567).u32(0x89abcdef)
  return sample([16_384, list.u32(0).u32(0).finish()], [132 * 1024, 0x00bab10c])
}

function md(at: number): Uint8Array {
  return sample([at, 0xa92b4efc], [at + 4, 1], [at + 16, UUID_BYTES], [at + 32, 'host:0'])
}

function vfat(): Uint8Array {
  const fields: Field[] = [
    [11, '\x00\x02\x04\x01\x00\x02\x00\x02'],
    [22, '\x08\x00'],
    [39, 0x1234abcd],
  ]
  return sample(...BOOT, ...fields, [43, 'NO NAME    FAT16   '], [(1 + 16) * 512, 'GROUND     \x08'])
}

function ntfs(): Uint8Array {
  const record = 4 * 4096 + 3 * 1024
  const fields: Field[] = [
    [3, 'NTFS    \x00\x02\x08'],
    [48, 4],
    [64, '\xf6'],
    [72, 0x89abcdef],
    [76, 0x01234567],
  ]
  const volume: Field[] = [
    [record, 'FILE'],
    [record + 20, 56],
    [record + 56, 0x60],
    [record + 60, 40],
  ]
  return sample(...BOOT, ...fields, ...volume, [record + 72, 6], [record + 76, 24], [record + 80, 'l\0a\0b\0'])
}

function exfat(): Uint8Array {
  const fields: Field[] = [
    [3, 'EXFAT   '],
    [88, 128],
    [96, 4],
    [100, 0x1234abcd],
    [108, '\x09\x03'],
  ]
  return sample(...BOOT, ...fields, [128 * 512 + 2 * 4096, '\x83\x03l\0a\0b\0'])
}

function mdOld(): Uint8Array {
  const at = SAMPLE_BYTES - 65_536
  return sample([at, 0xa92b4efc], [at + 20, 1], [at + 52, 2], [at + 56, 3], [at + 60, 4])
}

function lvm(): Uint8Array {
  const id = 'abcdef0123456789abcdef0123456789'
  return sample([512, 'LABELONE'], [532, 32], [536, 'LVM2 001'], [544, id])
}

function gpt(): Uint8Array {
  const entry = { type: '0FC63DAF-8483-4772-8E79-3D69D8477DE4', guid: SAMPLE_UUID, attributes: '0000000000000000' }
  const entries = [
    { ...entry, number: 1, firstLba: 128, lastLba: 900, name: 'first' },
    { ...entry, number: 2, firstLba: 1000, lastLba: 1900, name: 'second' },
  ]
  const table = { ...emptyGpt(SAMPLE_BYTES, { diskGuid: SAMPLE_UUID }), entries }
  return sample(...layOutGpt(table, SAMPLE_BYTES).map(({ offset, bytes }) => [offset, bytes] as const), [
    128 * 512,
    'XFSB',
  ])
}

function mbr(): Uint8Array {
  const entry = (type: number, first: number, blocks: number) =>
    new ByteWriter(16).u32(0).u8(type).bytes(new Uint8Array(3)).u32le(first).u32le(blocks).finish()
  return sample(
    ...[0, 1000, 1200].map((lba) => [lba * 512 + 510, '\x55\xaa'] as const),
    [440, 0x1234abcd],
    [446, entry(0x83, 64, 500)],
    [462, entry(0x05, 1000, 900)],
    [1000 * 512 + 446, entry(0x83, 8, 100)],
    [1000 * 512 + 462, entry(0x05, 200, 300)],
    [1200 * 512 + 446, entry(0x82, 8, 100)],
  )
}

/** Name of the type (or table), its bytes, its label and its UUID. */
export const DISK_SAMPLES: readonly (readonly [
  type: string,
  bytes: Uint8Array,
  label: string | null,
  uuid: string | null,
])[] = [
  ['gpt', gpt(), null, null],
  ['mbr', mbr(), null, null],
  ['crypto_LUKS', sample([0, 'LUKS\xba\xbe\x00\x02'], [24, 'lab'], [168, SAMPLE_UUID]), 'lab', SAMPLE_UUID],
  ['LVM2_member', lvm(), null, 'abcdef-0123-4567-89ab-cdef-0123-456789'],
  ['linux_raid_member', md(0), 'host:0', SAMPLE_UUID],
  ['linux_raid_member', md(4096), 'host:0', SAMPLE_UUID],
  ['linux_raid_member', md(SAMPLE_BYTES - 8192), 'host:0', SAMPLE_UUID],
  ['linux_raid_member', mdOld(), null, '00000001-0000-0002-0000-000300000004'],
  ['BitLocker', sample(...BOOT, [3, '-FVE-FS-']), null, null],
  ['ntfs', ntfs(), 'lab', '0123456789ABCDEF'],
  ['exfat', exfat(), 'lab', '1234-ABCD'],
  ['vfat', vfat(), 'GROUND', '1234-ABCD'],
  ['xfs', sample([0, 'XFSB'], [32, UUID_BYTES], [108, 'lab']), 'lab', SAMPLE_UUID],
  ['squashfs', sample([0, 'hsqs'], [28, 4]), null, null],
  ['btrfs', sample([0x10040, '_BHRfS_M'], [0x10020, UUID_BYTES], [0x1012b, 'lab']), 'lab', SAMPLE_UUID],
  [
    'ext4',
    sample([1080, '\x53\xef'], [1024 + 92, 4], [1024 + 96, 0x40], [1128, UUID_BYTES], [1144, 'lab']),
    'lab',
    SAMPLE_UUID,
  ],
  ['ext3', sample([1080, '\x53\xef'], [1024 + 92, 4], [1128, UUID_BYTES]), null, SAMPLE_UUID],
  ['ext2', sample([1080, '\x53\xef'], [1128, UUID_BYTES]), null, SAMPLE_UUID],
  ['zfs_member', zfs(), 'tank', '81985529216486895'],
  ['swap', sample([4086, 'SWAPSPACE2'], [1024, 1], [1036, UUID_BYTES], [1052, 'lab']), 'lab', SAMPLE_UUID],
  [
    'iso9660',
    sample([32_768, '\x01CD001'], [32_808, 'LAB  '], [33_581, '2026112115450000']),
    'LAB',
    '2026-11-21-15-45-00-00',
  ],
]
