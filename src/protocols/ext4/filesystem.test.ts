import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Ext4 } from './filesystem.ts'

// Made by mke2fs, 256 KiB each; real filesystems of all kinds are tried in test/interop/volume-password.test.ts.
const sample = (name: string) =>
  new Uint8Array(gunzipSync(readFileSync(join(import.meta.dirname, `../../../test/captures/ext4-${name}.img.gz`))))
const open = (bytes: Uint8Array) => Ext4.open(async (at, length) => bytes.slice(at, at + length), bytes.length)
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const SHADOW = 'root:*:19000:0:99999:7:::\nalice:!:19000:0:99999:7:::\n'

describe.each(['plain', 'checked'])('a small ext4 (%s)', (name) => {
  test('gives its files by their paths', async () => {
    const ext4 = (await open(sample(name)))!
    expect(ext4.superblock).toMatchObject({ blockBytes: 1024, clean: true, unwritable: undefined })
    expect(text(await ext4.content((await ext4.find(['etc', 'shadow']))!))).toBe(SHADOW)
    expect(await ext4.find(['etc', 'passwd'])).toBeUndefined()
    expect(await ext4.find(['etc'])).toBeUndefined()
    expect(await ext4.find(['etc', 'shadow', 'x'])).toBeUndefined()
  })

  test('tells how to change a file in the blocks that it has: no moment shows it cut off', async () => {
    const bytes = sample(name)
    const longer = new TextEncoder().encode(`${SHADOW}bob:!:19000:0:99999:7:::\n`)
    for (const content of [longer, new TextEncoder().encode(SHADOW)]) {
      const ext4 = (await open(bytes))!
      const file = (await ext4.find(['etc', 'shadow']))!
      const before = await ext4.content(file)
      const shortest = Math.min(before.length, content.length)
      for (const write of (await ext4.replace(file, content, 1_800_000_000))!) {
        bytes.set(write.bytes, write.offset)
        const now = (await open(bytes))!
        const seen = await now.content((await now.find(['etc', 'shadow']))!)
        expect(text(seen.subarray(0, shortest))).toBe(SHADOW)
        expect(text(seen).replace(/\0*$/, '').endsWith('\n')).toBe(true)
      }
      const after = (await open(bytes))!
      expect(await after.content((await after.find(['etc', 'shadow']))!)).toEqual(content)
    }
  })

  test('changes nothing when the content does not fit, or is nothing', async () => {
    const ext4 = (await open(sample(name)))!
    const file = (await ext4.find(['etc', 'shadow']))!
    expect(await ext4.replace(file, new Uint8Array(1025), 0)).toBeUndefined()
    expect(await ext4.replace(file, new Uint8Array(0), 0)).toBeUndefined()
  })
})

test('an inode or a superblock that does not match its checksum is refused', async () => {
  const bytes = sample('checked')
  bytes[1024 + 0x10]! ^= 1
  await expect(open(bytes)).rejects.toThrow('the superblock does not match its checksum')
})

test('what is no ext4 is none, and one that is cut off is refused', async () => {
  expect(await open(new Uint8Array(4096))).toBeUndefined()
  expect(await open(new Uint8Array(10))).toBeUndefined()
  await expect(open(sample('plain').slice(0, 100_000))).rejects.toThrow('larger than what it lies on')
})
