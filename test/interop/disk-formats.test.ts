import { execFileSync } from 'node:child_process'
import { mkdtempSync, openSync, readSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeDisk, readGpt } from '../../src/protocols/disk/describe.ts'
import { emptyGpt, growLastPartition, layOutGpt, resizeGpt } from '../../src/protocols/disk/gpt.ts'

/** Disks and filesystems as the usual programs make them. */
const MIB = 1024 * 1024
const UUID = '6b2f9f0e-52c1-4d27-8f5e-0e2a54b1c001'
const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B'
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4'
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reveille-disks-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let made = 0
function disk(bytes: number): string {
  const path = join(folder, `disk-${made++}`)
  writeFileSync(path, '')
  truncateSync(path, bytes)
  return path
}

function run(program: string, args: readonly string[], input?: string): string {
  return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

function reader(path: string) {
  const file = openSync(path, 'r')
  return async (offset: number, length: number) => {
    const bytes = new Uint8Array(length)
    expect(readSync(file, bytes, 0, length, offset)).toBe(length)
    return bytes
  }
}

function write(path: string, writes: readonly { offset: number; bytes: Uint8Array }[]): void {
  const file = openSync(path, 'r+')
  for (const { offset, bytes } of writes) writeSync(file, bytes, 0, bytes.length, offset)
}

describe('filesystems are recognised with label and UUID', () => {
  const of = (bytes: number, program: string, args: (path: string) => string[]) => () => {
    const path = disk(bytes)
    run(program, args(path))
    return path
  }
  const cases: [string, () => string, string | null, string | RegExp | null][] = [
    ['ext2', of(32 * MIB, 'mkfs.ext2', (p) => ['-q', '-L', 'ground', '-U', UUID, p]), 'ground', UUID],
    ['ext3', of(32 * MIB, 'mkfs.ext3', (p) => ['-q', '-L', 'ground', '-U', UUID, p]), 'ground', UUID],
    ['ext4', of(32 * MIB, 'mkfs.ext4', (p) => ['-q', '-L', 'ground', '-U', UUID, p]), 'ground', UUID],
    ['xfs', of(320 * MIB, 'mkfs.xfs', (p) => ['-q', '-L', 'ground', '-m', `uuid=${UUID}`, p]), 'ground', UUID],
    ['btrfs', of(128 * MIB, 'mkfs.btrfs', (p) => ['-q', '-L', 'ground', '-U', UUID, p]), 'ground', UUID],
    ['vfat', of(2 * MIB, 'mkfs.vfat', (p) => ['-F', '12', '-n', 'GROUND', '-i', '1234ABCD', p]), 'GROUND', '1234-ABCD'],
    ['vfat', of(32 * MIB, 'mkfs.vfat', (p) => ['-F', '16', '-i', '1234ABCD', p]), null, '1234-ABCD'],
    [
      'vfat',
      of(64 * MIB, 'mkfs.vfat', (p) => ['-F', '32', '-n', 'GROUND', '-i', '1234ABCD', p]),
      'GROUND',
      '1234-ABCD',
    ],
    ['exfat', of(64 * MIB, 'mkfs.exfat', (p) => ['-L', 'grünes', p]), 'grünes', /^[0-9A-F]{4}-[0-9A-F]{4}$/],
    ['ntfs', of(16 * MIB, 'mkfs.ntfs', (p) => ['-q', '-F', '-L', 'Grund', p]), 'Grund', /^[0-9A-F]{16}$/],
    ['swap', of(8 * MIB, 'mkswap', (p) => ['-L', 'ground', '-U', UUID, p]), 'ground', UUID],
    [
      'crypto_LUKS',
      () => {
        const path = disk(32 * MIB)
        const args = ['luksFormat', '-q', '--type', 'luks2', '--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000']
        run('cryptsetup', [...args, '--label', 'ground', '--uuid', UUID, path, '-'], 'word')
        return path
      },
      'ground',
      UUID,
    ],
    [
      'crypto_LUKS',
      () => {
        const path = disk(32 * MIB)
        const args = ['luksFormat', '-q', '--type', 'luks1', '--pbkdf-force-iterations', '1000']
        run('cryptsetup', [...args, '--uuid', UUID, path, '-'], 'word')
        return path
      },
      null,
      UUID,
    ],
    [
      'squashfs',
      () => {
        const path = disk(0)
        rmSync(path)
        run('mksquashfs', [join(import.meta.dirname, '../captures'), path, '-quiet'])
        return path
      },
      null,
      null,
    ],
    [
      'iso9660',
      () => {
        const path = disk(0)
        run('xorriso', ['-outdev', path, '-volid', 'GROUND', '-map', join(import.meta.dirname, '../captures'), '/'])
        return path
      },
      'GROUND',
      /^\d{4}(-\d\d){6}$/,
    ],
    [
      'LVM2_member',
      () => {
        const path = disk(32 * MIB)
        const loop = run('losetup', ['-f', '--show', path]).trim()
        try {
          run('pvcreate', ['-q', '--norestorefile', '-u', 'abcdef-0123-4567-89ab-cdef-0123-456789', loop])
        } finally {
          run('losetup', ['-d', loop])
        }
        return path
      },
      null,
      'abcdef-0123-4567-89ab-cdef-0123-456789',
    ],
  ]
  for (const [type, make, label, uuid] of cases)
    test(`${type} with the label ${label}`, async () => {
      const path = make()
      const { size } = statSync(path)
      const found = await describeDisk(reader(path), size)
      expect(found).toMatchObject({ table: null, partitions: [], filesystem: { type, label } })
      if (uuid instanceof RegExp) expect(found.filesystem?.uuid).toMatch(uuid)
      else expect(found.filesystem?.uuid).toBe(uuid)
      if (type !== 'squashfs') {
        const told = run('blkid', ['-p', '-o', 'export', path])
        expect(told).toContain(`TYPE=${type}`)
        expect(told).toContain(`UUID=${found.filesystem?.uuid}`)
      }
    })
})

describe('partition tables', () => {
  test('a GPT of sfdisk, with filesystems in its partitions', async () => {
    const path = disk(256 * MIB)
    const script = [
      'label: gpt',
      `label-id: ${UUID}`,
      `size=64MiB, type=${ESP}, name="EFI System"`,
      `type=${LINUX}, name="würzel"`,
    ]
    run('sfdisk', ['-q', path], script.join('\n'))
    run('mkfs.vfat', ['-F', '32', '-n', 'BOOT', '--offset', '2048', path, `${64 * 1024}`])
    run('mkfs.ext4', ['-q', '-L', 'root', '-E', `offset=${65 * MIB}`, path, `${190 * 1024}k`])
    const content = await describeDisk(reader(path), 256 * MIB)
    expect(content).toMatchObject({
      table: 'gpt',
      tableId: UUID.toUpperCase(),
      filesystem: null,
      partitions: [
        { number: 1, name: 'EFI System', type: ESP, startBytes: MIB, bytes: 64 * MIB },
        { number: 2, name: 'würzel', type: LINUX, startBytes: 65 * MIB, filesystem: { type: 'ext4', label: 'root' } },
      ],
    })
    expect(content.partitions[0]?.filesystem).toMatchObject({ type: 'vfat', label: 'BOOT' })
  })

  test('the backup counts when the primary is damaged', async () => {
    const path = disk(64 * MIB)
    run('sfdisk', ['-q', path], `label: gpt\nsize=8MiB, name="one"\n`)
    write(path, [{ offset: 600, bytes: new Uint8Array(4) }])
    const content = await describeDisk(reader(path), 64 * MIB)
    expect(content.partitions).toMatchObject([{ number: 1, name: 'one' }])
  })

  test('an MBR of sfdisk with logical partitions', async () => {
    const path = disk(64 * MIB)
    const parts = ['1: size=8MiB, type=83, bootable', '2: size=40MiB, type=5', '5: size=8MiB, type=82', '6: size=4MiB']
    run('sfdisk', ['-q', path], ['label: dos', 'label-id: 0x1234abcd', ...parts].join('\n'))
    const content = await describeDisk(reader(path), 64 * MIB)
    expect(content).toMatchObject({ table: 'mbr', tableId: '0x1234abcd' })
    expect(content.partitions.map(({ number, type }) => [number, type])).toEqual([
      [1, '0x83'],
      [2, '0x05'],
      [5, '0x82'],
      [6, '0x83'],
    ])
    const told = JSON.parse(run('sfdisk', ['-J', path])).partitiontable.partitions as { start: number; size: number }[]
    expect(content.partitions.map(({ startBytes, bytes }) => [startBytes / 512, bytes / 512])).toEqual(
      told.map(({ start, size }) => [start, size]),
    )
  })

  test('an empty disk has nothing', async () => {
    expect(await describeDisk(reader(disk(4 * MIB)), 4 * MIB)).toEqual({
      table: null,
      tableId: null,
      partitions: [],
      filesystem: null,
    })
  })

  test('a table that is written here is right for sgdisk and sfdisk, and after it moved to a larger disk', async () => {
    const path = disk(64 * MIB)
    const empty = emptyGpt(64 * MIB, { diskGuid: UUID })
    const entry = { type: LINUX, guid: UUID.replace('6b', '7b'), attributes: '0000000000000004', name: 'root' }
    const gpt = { ...empty, entries: [{ ...entry, number: 3, firstLba: 2048, lastLba: 40_959 }] }
    write(path, layOutGpt(gpt, 64 * MIB))
    expect(run('sgdisk', ['-v', path])).toContain('No problems found')

    truncateSync(path, 100 * MIB)
    const found = await readGpt(reader(path), 100 * MIB)
    const grown = growLastPartition(resizeGpt(found!, 100 * MIB))
    const old = await reader(path)(0, 512)
    write(path, layOutGpt(grown!.gpt, 100 * MIB, old))
    expect(run('sgdisk', ['-v', path])).toContain('No problems found')
    expect(run('sfdisk', ['--verify', path])).toMatch(/No errors detected/)
    const told = JSON.parse(run('sfdisk', ['-J', path])).partitiontable
    expect(told).toMatchObject({ id: UUID.toUpperCase(), partitions: [{ start: 2048, size: (99 - 1) * 2048 }] })
    expect(await readGpt(reader(path), 100 * MIB)).toEqual(grown!.gpt)
  })

  test('a table of sgdisk survives being moved and grown bit for bit otherwise', async () => {
    const path = disk(64 * MIB)
    run('sgdisk', ['-n', '1:2048:+10M', '-c', '1:first', '-A', '1:set:2', '-n', '2:0:0', '-h', '1', path])
    truncateSync(path, 96 * MIB)
    const read = reader(path)
    const grown = growLastPartition(resizeGpt((await readGpt(read, 96 * MIB))!, 96 * MIB))!
    write(path, layOutGpt(grown.gpt, 96 * MIB, await read(0, 512)))
    expect(run('sgdisk', ['-v', path])).toContain('No problems found')
    expect(run('sgdisk', ['-i', '1', path])).toContain("Partition name: 'first'")
  })

  test('blocks of 4096 bytes', async () => {
    const path = disk(64 * MIB)
    run('fdisk', ['-b', '4096', path], 'g\nn\n1\n\n+8M\nw\n')
    const content = await describeDisk(reader(path), 64 * MIB)
    expect(content.partitions).toMatchObject([{ number: 1, startBytes: MIB, bytes: 8 * MIB }])
  })
})
