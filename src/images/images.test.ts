import { describe, expect, test } from 'vitest'
import { MemoryChunks } from '../../test/fakes/memory-chunks.ts'
import { ManualClock } from '../kit/clock.ts'
import type { Image } from './image.ts'
import { Images } from './images.ts'
import type { BlobStat, BlobStore, ImageRepository } from './repository.ts'
import { parseImageReference, refuseFiles } from './rules.ts'

const DAY = 86_400_000
const hash = (digit: string) => digit.repeat(64)

class MemoryBlobs implements BlobStore {
  readonly blobs = new Map<string, BlobStat>()

  add(sha256: string, bytes: number, storedAt: number): void {
    this.blobs.set(sha256, { sha256, bytes, storedAt })
  }
  async stat(sha256: string) {
    return this.blobs.get(sha256)
  }
  async put(): Promise<BlobStat> {
    throw new Error('not used here')
  }
  async path() {
    return undefined
  }
  async read() {
    return undefined
  }
  async list() {
    return [...this.blobs.values()]
  }
  async remove(sha256: string, only?: { storedBefore: number }) {
    const blob = this.blobs.get(sha256)
    if (!blob || (only && blob.storedAt >= only.storedBefore)) return false
    return this.blobs.delete(sha256)
  }
}

class MemoryImages implements ImageRepository {
  readonly rows = new Map<string, Image>()
  failing = false

  async all() {
    return [...this.rows.values()]
  }
  async save(image: Image) {
    if (this.failing) throw new Error('the disk is gone')
    this.rows.set(image.name, image)
  }
  async remove(name: string) {
    if (this.failing) throw new Error('the disk is gone')
    this.rows.delete(name)
  }
}

async function library() {
  const repository = new MemoryImages()
  const blobs = new MemoryBlobs()
  const clock = new ManualClock()
  const published: string[] = []
  const users = { names: [] as string[], pins: [] as string[] }
  const dependencies = {
    repository,
    blobs,
    chunks: new MemoryChunks(),
    clock,
    events: { publish: (event: { id: string; change: string }) => published.push(`${event.id} ${event.change}`) },
    usedBy: (_name: string, version?: number) => (version === undefined ? users.names : users.pins),
  }
  for (const digit of 'abc') blobs.add(hash(digit), 100, clock.now())
  return { images: await Images.open(dependencies), dependencies, repository, blobs, clock, published, users }
}

const kernel = { role: 'kernel', name: 'linux', sha256: hash('a') } as const
const initrd = { role: 'initrd', name: 'initrd.gz', sha256: hash('b') } as const
const iso = { role: 'iso', name: 'disc.iso', sha256: hash('c') } as const
const bundle = { files: [kernel, initrd], cmdline: 'quiet', note: '' }

test('a reference is a name, perhaps with a version', () => {
  expect(parseImageReference('debian')).toEqual({ name: 'debian', version: undefined })
  expect(parseImageReference('debian@12')).toEqual({ name: 'debian', version: 12 })
  for (const odd of ['debian@', 'debian@0', 'debian@1.5', 'debian@1@2', 'debian@-1'])
    expect(parseImageReference(odd)).toBeUndefined()
})

test.each([
  ['bundle', [kernel], undefined],
  ['bundle', [initrd, kernel, { ...initrd, name: 'second' }], undefined],
  ['bundle', [initrd], 'a bundle has exactly one kernel, not 0'],
  ['bundle', [kernel, { ...kernel, name: 'other' }], 'a bundle has exactly one kernel, not 2'],
  ['bundle', [kernel, iso], 'a bundle has a kernel and initrds, no iso'],
  ['bundle', [kernel, { ...initrd, name: 'linux' }], 'two files have the same name'],
  ['iso', [iso], undefined],
  ['iso', [kernel], 'an iso image has exactly one file, with the role iso'],
  ['iso', [iso, kernel], 'an iso image has exactly one file, with the role iso'],
  ['iso', [], 'an iso image has exactly one file, with the role iso'],
] as const)('files of a %s: %#', (kind, files, refusal) => {
  expect(refuseFiles(kind, files)).toBe(refusal)
})

describe('versions', () => {
  test('are numbered from 1, keep what they are made of, and are durable before they are seen', async () => {
    const { images, repository, published } = await library()
    await images.create({ name: 'debian', kind: 'bundle', description: '' })
    expect(images.resolve('debian')).toBeUndefined()
    const image = await images.addVersion('debian', bundle, 'ada')
    expect(image.versions).toMatchObject([
      {
        number: 1,
        cmdline: 'quiet',
        createdBy: 'ada',
        files: [
          { ...kernel, bytes: 100 },
          { ...initrd, bytes: 100 },
        ],
      },
    ])
    expect(repository.rows.get('debian')).toBe(image)
    expect(images.resolve('debian')?.version.number).toBe(1)
    expect(published).toEqual(['debian saved', 'debian saved'])
    repository.failing = true
    await expect(images.addVersion('debian', bundle, 'ada')).rejects.toThrow('the disk is gone')
    expect(images.get('debian')).toBe(image)
  })

  test('never get a number twice, also after the newest was deleted and after a restart', async () => {
    const { images, dependencies } = await library()
    await images.create({ name: 'debian', kind: 'bundle', description: '' })
    await Promise.all([1, 2, 3].map(() => images.addVersion('debian', bundle, 'ada')))
    await images.removeVersion('debian', 3)
    expect(images.resolve('debian')?.version.number).toBe(2)
    expect(images.resolve('debian@3')).toBeUndefined()
    const again = await Images.open(dependencies)
    await again.addVersion('debian', bundle, 'ada')
    expect(again.get('debian')?.versions.map(({ number }) => number)).toEqual([1, 2, 4])
    expect(again.resolve('debian@1')?.version.number).toBe(1)
  })

  test('need bytes that were uploaded, and files that fit the kind', async () => {
    const { images } = await library()
    await images.create({ name: 'debian', kind: 'bundle', description: '' })
    const missing = { ...bundle, files: [{ ...kernel, sha256: hash('d') }] }
    await expect(images.addVersion('debian', missing, 'ada')).rejects.toMatchObject({ code: 'not-found' })
    await expect(images.addVersion('debian', { ...bundle, files: [iso] }, 'ada')).rejects.toMatchObject({
      code: 'validation-failed',
    })
    await expect(images.addVersion('other', bundle, 'ada')).rejects.toMatchObject({ code: 'not-found' })
    expect(images.get('debian')?.versions).toEqual([])
  })

  test('a pinned version and the last one of a used image stay', async () => {
    const { images, users } = await library()
    await images.create({ name: 'debian', kind: 'bundle', description: '' })
    await images.addVersion('debian', bundle, 'ada')
    await images.addVersion('debian', bundle, 'ada')
    users.pins = ['rescue']
    await expect(images.removeVersion('debian', 1)).rejects.toMatchObject({
      code: 'in-use',
      message: 'debian@1 is in use by profile rescue',
    })
    users.pins = []
    users.names = ['rescue', 'install']
    await images.removeVersion('debian', 1)
    await expect(images.removeVersion('debian', 2)).rejects.toMatchObject({
      message: 'the only version of debian is in use by profiles rescue, install',
    })
    await expect(images.remove('debian')).rejects.toMatchObject({ code: 'in-use' })
    users.names = []
    await images.remove('debian')
    expect(images.all()).toEqual([])
    await expect(images.removeVersion('debian', 2)).rejects.toMatchObject({ code: 'not-found' })
  })
})

test('an image keeps its name to itself, and its description can be changed', async () => {
  const { images } = await library()
  await images.create({ name: 'b', kind: 'iso', description: '' })
  await images.create({ name: 'a', kind: 'iso', description: '' })
  await expect(images.create({ name: 'a', kind: 'bundle', description: '' })).rejects.toMatchObject({
    code: 'conflict',
  })
  await images.update('a', { description: 'new' })
  expect(images.all().map(({ name, description }) => [name, description])).toEqual([
    ['a', 'new'],
    ['b', ''],
  ])
})

test('collecting takes what nothing refers to and nobody stored or asked for within a day', async () => {
  const { images, blobs, clock } = await library()
  await images.create({ name: 'debian', kind: 'bundle', description: '' })
  await images.addVersion('debian', { ...bundle, files: [kernel] }, 'ada')
  expect(images.describe(hash('a'))).toEqual({ image: 'debian', role: 'kernel' })
  expect(images.describe(hash('b'))).toBeUndefined()
  expect(await images.collect()).toEqual({ blobs: 0, chunks: 0, bytes: 0 })
  clock.advance(DAY + 1)
  blobs.add(hash('e'), 7, clock.now())
  expect(await images.has(hash('b'))).toBeDefined()
  expect(await images.has(hash('f'))).toBeUndefined()
  expect(await images.collect()).toEqual({ blobs: 1, chunks: 0, bytes: 100 })
  expect([...blobs.blobs.keys()].sort()).toEqual([hash('a'), hash('b'), hash('e')])
  clock.advance(DAY + 1)
  expect(await images.collect()).toEqual({ blobs: 2, chunks: 0, bytes: 107 })
  await images.removeVersion('debian', 1)
  expect(await images.collect()).toEqual({ blobs: 1, chunks: 0, bytes: 100 })
})
