import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { inflateRaw, zstdDecompress } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openQcow2 } from '../../src/protocols/qcow2/read.ts'

const run = promisify(execFile)
const MIB = 1024 * 1024
/** Not a whole number of clusters or chunks. */
const DISK_BYTES = 37 * MIB + 4096 + 512

let folder = ''
let raw = ''

/** Text, noise, holes and runs of one byte, so that every kind of cluster comes about. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), `reveille-qcow2-${process.pid}-`))
  raw = join(folder, 'disk.raw')
  const file = await open(raw, 'w')
  await file.truncate(DISK_BYTES)
  await file.write(Buffer.alloc(3 * MIB, 'Reveille wakes bare metal. '), 0, 3 * MIB, 0)
  await file.write(randomBytes(2 * MIB), 0, 2 * MIB, 8 * MIB + 512)
  await file.write(Buffer.alloc(MIB, 0xff), 0, MIB, 20 * MIB + 1024)
  await file.write(Buffer.from('the last sector'), 0, 15, DISK_BYTES - 512)
  await file.close()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const left: FileHandle[] = []
afterEach(async () => {
  for (const file of left.splice(0)) await file.close()
})

async function openFile(path: string) {
  const file = await open(path)
  left.push(file)
  const bytes = (await file.stat()).size
  return openQcow2(
    {
      bytes,
      async read(offset, length) {
        const target = Buffer.alloc(length)
        const { bytesRead } = await file.read(target, 0, length, offset)
        expect(bytesRead).toBe(length)
        return target
      },
    },
    {
      deflate: (packed, most) => promisify(inflateRaw)(packed, { maxOutputLength: most }),
      zstd: (packed, most) => promisify(zstdDecompress)(packed, { maxOutputLength: most }),
    },
  )
}

/** The whole disk in steps that fit no cluster, and how much of it was known to be zeros beforehand. */
async function readAll(path: string): Promise<{ sha256: string; bytes: number; zeroBytes: number }> {
  const disk = await openFile(path)
  const hash = createHash('sha256')
  const step = 999_424 + 512
  let zeroBytes = 0
  for (let at = 0; at < disk.bytes; at += step) {
    const length = Math.min(step, disk.bytes - at)
    const piece = await disk.read(at, length)
    if (await disk.isZero(at, length)) {
      zeroBytes += length
      expect(piece.every((byte) => byte === 0)).toBe(true)
    }
    hash.update(piece)
  }
  return { sha256: hash.digest('hex'), bytes: disk.bytes, zeroBytes }
}

describe('what qemu-img converts is read back byte for byte', () => {
  test.each([
    ['version 3', [], []],
    ['version 2', ['-o', 'compat=0.10'], []],
    ['small clusters', ['-o', 'cluster_size=512'], []],
    ['large clusters', ['-o', 'cluster_size=2M'], []],
    ['compressed with zlib', ['-c'], []],
    ['compressed with zlib in small clusters', ['-c', '-o', 'cluster_size=4096'], []],
    ['compressed with zlib in large clusters', ['-c', '-o', 'cluster_size=2M'], []],
    ['compressed with zstd', ['-c', '-o', 'compression_type=zstd'], []],
    ['compressed with zstd in small clusters', ['-c', '-o', 'compression_type=zstd,cluster_size=4096'], []],
    ['preallocated', ['-o', 'preallocation=metadata'], []],
    ['zeros written as such', ['-S', '0'], []],
  ])('%s', async (name, options) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.qcow2`)
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, path])
    const read = await readAll(path)
    expect(read.bytes).toBe(DISK_BYTES)
    expect(read.sha256).toBe(
      createHash('sha256')
        .update(await readFile(raw))
        .digest('hex'),
    )
    if (!['preallocated', 'zeros written as such'].includes(name)) expect(read.zeroBytes).toBeGreaterThan(20 * MIB)
  })
})

test('a snapshot does not change what the newest state is', async () => {
  const path = join(folder, 'snapshot.qcow2')
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path])
  await run('qemu-img', ['snapshot', '-c', 'before', path])
  await run('qemu-io', ['-c', 'write -P 0x5a 1M 128k', '-c', 'write -z 2M 64k', '-c', 'discard 0 64k', path])
  const copy = join(folder, 'snapshot.raw')
  await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'raw', path, copy])
  const sha256 = createHash('sha256')
    .update(await readFile(copy))
    .digest('hex')
  expect((await readAll(path)).sha256).toBe(sha256)
})

test('an empty disk of 10 TiB is known to be zeros at once', async () => {
  const path = join(folder, 'large.qcow2')
  await run('qemu-img', ['create', '-f', 'qcow2', path, '10T'])
  expect((await stat(path)).size).toBeLessThan(MIB)
  const disk = await openFile(path)
  expect(await disk.isZero(0, disk.bytes)).toBe(true)
})

describe('what leans on something else is refused', () => {
  test.each([
    ['a backing file', ['-b', 'base.qcow2', '-F', 'qcow2'], /backing file/],
    ['a data file', ['-o', 'data_file=data.raw'], /another file/],
    ['subclusters', ['-o', 'extended_l2=on,cluster_size=64k'], /subclusters/],
    // Not LUKS: for that qemu-img measures this computer's speed first, and gives up where the clock of processor time is coarse.
    ['encryption', ['--object', 'secret,id=s,data=x', '-o', 'encrypt.format=aes,encrypt.key-secret=s'], /encrypted/],
  ])('%s', async (name, options, message) => {
    const base = join(folder, 'base.qcow2')
    await run('qemu-img', ['create', '-f', 'qcow2', base, '8M'])
    const path = join(folder, `refused-${name.replaceAll(' ', '-')}.qcow2`)
    await run('qemu-img', ['create', '-f', 'qcow2', ...options, path, '8M'], { cwd: folder })
    await expect(openFile(path)).rejects.toThrow(message)
  })

  test('a file cut off', async () => {
    const path = join(folder, 'cut.qcow2')
    await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, path])
    const whole = await readFile(path)
    await writeFile(path, whole.subarray(0, whole.length - MIB))
    await expect(readAll(path)).rejects.toThrow('cut off')
  })
})
