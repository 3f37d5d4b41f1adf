import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { diskBuffer } from '../../src/agent/disk/buffer.ts'
import { type Disk, windowOf } from '../../src/agent/disk/disk.ts'
import { fingerprintOf } from '../../src/agent/disk/fingerprint.ts'
import { openDisk } from '../../src/agent/disk/open.ts'
import { PowerlessDisk } from '../fakes/powerless-disk.ts'

const MIB = 1024 * 1024
const directory = mkdtempSync(join(tmpdir(), 'rv-disks-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function file(content: Uint8Array): string {
  const path = join(directory, `${Math.random()}.img`)
  writeFileSync(path, content)
  return path
}

/** A block device that may be overwritten, named by whoever runs this, such as `/dev/ram0`. */
const device = process.env.REVEILLE_TEST_BLOCK_DEVICE
const drivers: Record<string, () => Promise<Disk>> = {
  'a regular file': () => openDisk(file(randomBytes(9 * MIB + 1024)), { write: true }),
  'a stretch of a file': async () => {
    const whole = await openDisk(file(randomBytes(20 * MIB)), { write: true })
    return windowOf(whole, 'a stretch', 3 * MIB, 9 * MIB + 512)
  },
  'the simulated disk': async () => new PowerlessDisk(randomBytes(9 * MIB + 512)),
  ...(device && existsSync(device) ? { [device]: () => openDisk(device, { write: true }) } : {}),
}

async function at(disk: Disk, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length, 0xee)
  await disk.read(offset, bytes)
  return bytes
}

describe.each(Object.entries(drivers))('%s', (_, open) => {
  test('reads what was written, before and after everything was forgotten', async () => {
    const disk = await open()
    const bytes = randomBytes(5 * MIB)
    const before = await at(disk, 0, MIB)
    await disk.write(MIB, bytes)
    expect((await at(disk, MIB, bytes.length)).equals(bytes)).toBe(true)
    await disk.flush()
    await disk.forget()
    expect((await at(disk, MIB, bytes.length)).equals(bytes)).toBe(true)
    expect((await at(disk, 0, MIB)).equals(before)).toBe(true)
    await disk.close()
  })

  test('reads the same past the cache, at any place and of any length, also what was just written', async () => {
    const disk = await open()
    await disk.write(MIB, randomBytes(3 * MIB))
    for (const [offset, length] of [
      [0, 4 * MIB],
      [MIB + 4096, 8192],
      [2 * MIB, 512],
      [512, MIB],
      [disk.bytes - MIB, MIB],
    ] as const) {
      const bytes = diskBuffer(4 * MIB).subarray(0, length)
      await disk.read(offset, bytes)
      expect((await at(disk, offset, length)).equals(bytes), `${length} at ${offset}`).toBe(true)
    }
    await disk.close()
  })

  test('reads zeros where it was zeroed, and only there', async () => {
    const disk = await open()
    for (const [offset, length] of [
      [512, 512],
      [2 * MIB, 3 * MIB],
      [6 * MIB + 512, MIB],
      [disk.bytes - 512, 512],
      [8 * MIB + 1, 3],
    ] as const) {
      await disk.write(Math.max(0, offset - 512), randomBytes(512))
      const left = await at(disk, Math.max(0, offset - 512), Math.min(512, offset))
      await disk.zero(offset, length)
      expect((await at(disk, offset, length)).equals(Buffer.alloc(length))).toBe(true)
      expect((await at(disk, Math.max(0, offset - 512), left.length)).equals(left)).toBe(true)
    }
    await disk.close()
  })

  test('keeps what is beside a discarded stretch', async () => {
    const disk = await open()
    const [left, right] = [await at(disk, 0, MIB), await at(disk, 3 * MIB, MIB)]
    await disk.discard(MIB, 2 * MIB)
    await disk.forget()
    expect((await at(disk, 0, MIB)).equals(left)).toBe(true)
    expect((await at(disk, 3 * MIB, MIB)).equals(right)).toBe(true)
    await disk.close()
  })

  test('refuses what lies outside', async () => {
    const disk = await open()
    const two = new Uint8Array(2)
    for (const act of [
      () => disk.read(disk.bytes - 1, two),
      () => disk.write(disk.bytes - 1, two),
      () => disk.write(-1, two),
      () => disk.zero(disk.bytes, 512),
      () => disk.discard(0, disk.bytes + 512),
    ])
      await expect(act()).rejects.toThrow(RangeError)
    await disk.close()
  })

  test('has a fingerprint that changes with its first and its last MiB', async () => {
    const disk = await open()
    const seen = [await fingerprintOf(disk)]
    for (const offset of [0, MIB - 1, disk.bytes - MIB, disk.bytes - 1]) {
      const [byte] = await at(disk, offset, 1)
      await disk.write(offset, Uint8Array.of(byte! ^ 1))
      seen.push(await fingerprintOf(disk))
    }
    expect(new Set(seen).size).toBe(seen.length)
    expect(await fingerprintOf(disk)).toBe(seen.at(-1))
    await disk.close()
  })
})

test('a fingerprint is the SHA-256 of size, first and last MiB', async () => {
  const path = file(Buffer.alloc(3 * MIB, 'x'))
  const disk = await openDisk(path, { write: false })
  const input = Buffer.concat([Buffer.from(String(3 * MIB)), Buffer.alloc(2 * MIB, 'x')])
  expect(await fingerprintOf(disk)).toBe(execFileSync('sha256sum', { input, encoding: 'utf8' }).slice(0, 64))
  await disk.close()
})

test('a disk opened for reading cannot be written', async () => {
  const path = file(randomBytes(MIB))
  const before = readFileSync(path)
  const disk = await openDisk(path, { write: false })
  await expect(disk.write(0, new Uint8Array(512))).rejects.toMatchObject({ name: 'DiskError', offset: 0 })
  await disk.close()
  expect(readFileSync(path).equals(before)).toBe(true)
})

test('what is no disk is told by name', async () => {
  await expect(openDisk('/dev/null', { write: true })).rejects.toMatchObject({ name: 'DiskError', disk: '/dev/null' })
  await expect(openDisk(join(directory, 'none'), { write: false })).rejects.toMatchObject({ code: 'ENOENT' })
})
