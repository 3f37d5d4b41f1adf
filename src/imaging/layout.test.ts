import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { Refusal } from '../kit/errors.ts'
import { bootCode, grubConfig, placedCore } from './grub.ts'
import { identifiers, layOut } from './layout.ts'

const MIB = 1024 * 1024

describe('the layout of a disk', () => {
  test('begins its root filesystem with a chunk and leaves room for the second partition table', () => {
    const { bytes, bios, esp, root } = layOut({ contents: { bytes: 300 * MIB, entries: 10_000 }, espContents: MIB })
    expect(bytes % (4 * MIB)).toBe(0)
    expect(bios).toEqual({ offset: MIB, bytes: MIB, firstLba: 2048, lastLba: 4095 })
    expect(esp).toMatchObject({ offset: 4 * MIB, bytes: 60 * MIB })
    expect(root.offset).toBe(64 * MIB)
    expect(root.offset + root.bytes).toBe(bytes - MIB)
    expect(root.bytes).toBeGreaterThan(364 * MIB)
  })

  test('gives the EFI system partition the room that a kernel on it needs', () => {
    const { esp, root } = layOut({ contents: { bytes: MIB, entries: 1 }, espContents: 200 * MIB })
    expect(esp.bytes).toBeGreaterThan(220 * MIB)
    expect(root.offset % (4 * MIB)).toBe(0)
    expect(root.offset).toBe(esp.offset + esp.bytes)
  })

  test('is of the size asked for, rounded up, or is refused with the size that would do', () => {
    const contents = { bytes: 300 * MIB, entries: 10_000 }
    expect(layOut({ contents, espContents: 0, size: 2_000_000_001 }).bytes).toBe(477 * 4 * MIB)
    expect(() => layOut({ contents, espContents: 0, size: 400 * MIB })).toThrow('434 MiB at least')
    expect(() => layOut({ contents, espContents: 0, size: 2 ** 45 })).toThrow('16 TiB')
  })
})

test('identifiers are proper UUIDs that depend on the content', () => {
  const of = (content: string) =>
    identifiers((purpose) => createHash('sha256').update(`${purpose} ${content}`).digest('hex').slice(0, 32))
  const { espVolume, ...uuids } = of('a')
  for (const uuid of Object.values(uuids))
    expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(espVolume).toMatch(/^[0-9a-f]{8}$/)
  expect(new Set(Object.values(uuids)).size).toBe(6)
  expect(of('a')).toEqual(of('a'))
  expect(of('b').rootPartition).not.toBe(of('a').rootPartition)
})

describe('the boot loader', () => {
  const kernel = { on: 'root', kernel: '/vmlinuz', initrd: '/initrd.img' } as const

  test('boots the kernel of its own disk with the root partition of the image', () => {
    expect(grubConfig({ kernel, partition: 'abc', cmdline: ' quiet  console=ttyS0 ' })).toBe(
      [
        'set timeout_style=hidden',
        'set timeout=1',
        'set default=0',
        'regexp --set=1:disk \'^[(]([^,]+)\' "$prefix"',
        'set root="$disk,gpt3"',
        "menuentry 'Linux' {",
        "  linux '/vmlinuz' 'root=PARTUUID=abc' 'rw' 'quiet' 'console=ttyS0'",
        "  initrd '/initrd.img'",
        '}',
        '',
      ].join('\n'),
    )
    const beside = { on: 'esp', kernel: '/grub/vmlinuz', initrd: undefined } as const
    expect(grubConfig({ kernel: beside, partition: 'abc', cmdline: '' })).toContain('set root="$disk,gpt2"')
  })

  test('is never told what could end a word early', () => {
    for (const cmdline of ["a'b", 'a"b', 'a\\b', 'ä', '\u0007'])
      expect(() => grubConfig({ kernel, partition: 'abc', cmdline })).toThrow(Refusal)
    expect(grubConfig({ kernel, partition: 'abc', cmdline: 'a;b$(c)\nd' })).toContain("'a;b$(c)' 'd'")
  })

  test('is told where its core lies', () => {
    const code = bootCode(new Uint8Array(512).fill(7), 2048)
    expect(code.length).toBe(440)
    expect(new DataView(code.buffer).getBigUint64(0x5c, true)).toBe(2048n)
    expect([...code.subarray(0x66, 0x68)]).toEqual([0x90, 0x90])
    const core = new Uint8Array(3 * 512 + 1)
    new DataView(core.buffer).setUint16(508, 3, true)
    expect(new DataView(placedCore(core, 2048).buffer).getBigUint64(500, true)).toBe(2049n)
    expect(() => placedCore(new Uint8Array(3 * 512), 2048)).toThrow('not laid out as expected')
    expect(() => bootCode(new Uint8Array(100), 1)).toThrow(Refusal)
  })
})
