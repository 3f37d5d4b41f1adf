import { crc32, inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type CpioEntry, cpioArchive } from './cpio.ts'
import { loadOrder, moduleDependencies, moduleName } from './modules.ts'
import { pngFromPpm } from './screen.ts'

describe('pngFromPpm', () => {
  const pixels = Uint8Array.from({ length: 3 * 2 * 3 }, (_, i) => i * 7)
  const ppm = Buffer.concat([Buffer.from('P6\n3 2\n255\n'), pixels])

  test('writes chunks with right lengths and sums, and every pixel', () => {
    const png = Buffer.from(pngFromPpm(ppm))
    expect(png.subarray(1, 4).toString()).toBe('PNG')
    const chunks = new Map<string, Buffer>()
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at)
      const body = png.subarray(at + 4, at + 8 + length)
      expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body))
      chunks.set(body.subarray(0, 4).toString(), body.subarray(4))
      at += 12 + length
    }
    expect([...chunks.keys()]).toEqual(['IHDR', 'IDAT', 'IEND'])
    expect(chunks.get('IHDR')?.readUInt32BE(0)).toBe(3)
    expect(chunks.get('IHDR')?.readUInt32BE(4)).toBe(2)
    const lines = inflateSync(chunks.get('IDAT')!)
    expect([...lines]).toEqual([0, ...pixels.subarray(0, 9), 0, ...pixels.subarray(9)])
  })

  test.each([
    ['another format', Buffer.from('P5\n3 2\n255\n')],
    ['a picture cut short', ppm.subarray(0, ppm.length - 1)],
  ])('refuses %s', (_, bytes) => expect(() => pngFromPpm(bytes)).toThrow(/picture/))
})

describe('cpioArchive', () => {
  /** Reads an archive back as the kernel does (Documentation/driver-api/early-userspace/buffer-format.rst). */
  function unpack(archive: Uint8Array) {
    const bytes = Buffer.from(archive)
    const found: { name: string; mode: number; content: string; device: [number, number] }[] = []
    for (let at = 0; ; ) {
      expect(at % 4).toBe(0)
      expect(bytes.subarray(at, at + 6).toString()).toBe('070701')
      const field = (index: number) =>
        Number.parseInt(bytes.subarray(at + 6 + index * 8, at + 14 + index * 8).toString(), 16)
      const [mode, size, nameSize] = [field(1), field(6), field(11)]
      const name = bytes.subarray(at + 110, at + 110 + nameSize - 1).toString()
      const start = Math.ceil((at + 110 + nameSize) / 4) * 4
      if (name === 'TRAILER!!!') return found
      const content = bytes.subarray(start, start + size).toString()
      found.push({ name, mode, content, device: [field(9), field(10)] })
      at = Math.ceil((start + size) / 4) * 4
    }
  }

  test('holds every kind of entry, aligned, to the trailer', () => {
    const entries: CpioEntry[] = [
      { name: 'bin', kind: 'directory', mode: 0o755 },
      { name: 'bin/x', kind: 'file', mode: 0o700, content: Buffer.from('hello') },
      { name: 'bin/longer-name', kind: 'file', mode: 0o644, content: Buffer.from('four') },
      { name: 'init', kind: 'link', target: 'bin/x' },
      { name: 'dev-console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
    ]
    expect(unpack(cpioArchive(entries))).toEqual([
      { name: 'bin', mode: 0o040755, content: '', device: [0, 0] },
      { name: 'bin/x', mode: 0o100700, content: 'hello', device: [0, 0] },
      { name: 'bin/longer-name', mode: 0o100644, content: 'four', device: [0, 0] },
      { name: 'init', mode: 0o120777, content: 'bin/x', device: [0, 0] },
      { name: 'dev-console', mode: 0o020600, content: '', device: [5, 1] },
    ])
  })
})

describe('kernel modules', () => {
  const dependencies = new Map([
    ['virtio_net', ['net_failover', 'virtio']],
    ['net_failover', ['failover']],
    ['failover', []],
    ['virtio', []],
    ['virtio_blk', ['virtio']],
  ])

  test('come after what they depend on, each once; what does not exist is left out', () => {
    const order = loadOrder(['virtio_net', 'built_in', 'virtio_blk'], (name) => dependencies.get(name))
    expect(order).toEqual(['failover', 'net_failover', 'virtio', 'virtio_net', 'virtio_blk'])
  })

  test('a circle ends', () => {
    expect(loadOrder(['a'], (name) => (name === 'a' ? ['b'] : ['a']))).toEqual(['b', 'a'])
  })

  test('say themselves what they depend on', () => {
    const module = Buffer.from('\x7fELF...\0license=GPL\0depends=virtio,net-failover\0intree=Y\0')
    expect(moduleDependencies(module)).toEqual(['virtio', 'net_failover'])
    expect(moduleDependencies(Buffer.from('\0depends=\0'))).toEqual([])
    expect(moduleName('virtio-pci.ko')).toBe('virtio_pci')
  })
})
