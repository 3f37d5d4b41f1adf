import { describe, expect, test } from 'vitest'
import { completeTree, cpioArchive, cpioPieces, type LoadedEntry } from './cpio.ts'
import { loadOrder, moduleDependencies, moduleFacts, moduleIndexes, moduleName } from './modules.ts'

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
    const entries: LoadedEntry[] = [
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

describe('a tree for an archive', () => {
  const file = (name: string, text: string): LoadedEntry => ({
    name,
    kind: 'file',
    mode: 0o644,
    content: Buffer.from(text),
  })

  test('is sorted and has every directory, before what is inside', () => {
    const tree = completeTree([file('lib/modules/x.ko', 'x'), file('lib-other', ''), file('init', '')])
    expect(tree.map(({ name }) => name)).toEqual(['init', 'lib', 'lib-other', 'lib/modules', 'lib/modules/x.ko'])
  })

  test('is the same however its entries were found, and keeps the last of one name', () => {
    const entries = [file('a/b', '1'), file('c', '2'), file('a/d', '3')]
    expect(completeTree(entries.toReversed())).toEqual(completeTree(entries))
    expect(completeTree([...entries, file('c', 'new')]).at(-1)).toEqual(file('c', 'new'))
  })

  test('written piece by piece is the same archive, contents being read as they are reached', async () => {
    const entries = [file('a', 'one'), file('b', 'three')]
    const pieces: Uint8Array[] = []
    const lazy = entries.map((entry) => ({ ...entry, content: async () => (entry as { content: Uint8Array }).content }))
    for await (const piece of cpioPieces(lazy as never)) pieces.push(piece)
    expect(Buffer.concat(pieces)).toEqual(cpioArchive(entries))
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

  test('name the hardware they are for', () => {
    const module = Buffer.from('\x7fELF\0alias=pci:v00001AF4d*\0alias=bad one\0alias=virtio:d1v*\0depends=virtio\0')
    expect(moduleFacts(module)).toEqual({ dependencies: ['virtio'], aliases: ['pci:v00001AF4d*', 'virtio:d1v*'] })
    expect(['e1000e.ko', 'virtio-net.ko.xz', 'nvme-core.ko.zst'].map(moduleName)).toEqual([
      'e1000e',
      'virtio_net',
      'nvme_core',
    ])
  })

  test('are listed for modprobe, which loads what stands last first', () => {
    const facts = (...needed: string[]) => ({ dependencies: needed, aliases: needed.map((each) => `for-${each}`) })
    const tree = new Map([
      ['c', { path: 'kernel/c.ko', facts: facts('b', 'a') }],
      ['b', { path: 'kernel/b.ko', facts: facts('a') }],
      ['a', { path: 'kernel/a.ko', facts: facts() }],
    ])
    expect(moduleIndexes(tree)).toEqual({
      dep: 'kernel/a.ko:\nkernel/b.ko: kernel/a.ko\nkernel/c.ko: kernel/b.ko kernel/a.ko\n',
      alias: 'alias for-a b\nalias for-b c\nalias for-a c\n',
    })
  })
})
