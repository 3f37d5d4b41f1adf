import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cli, IMAGE, VERSION } from '../../test/fakes/cli.ts'
import { NO_LOCAL } from '../../test/fakes/terminal.ts'
import type { ImageOrder } from './context.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-set-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('image set', () => {
  const handlers = { getImage: () => ({ ...IMAGE, labels: { os: 'debian', old: 'x' } }), updateImage: () => IMAGE }

  test('changes what is named and keeps other labels', async () => {
    const words = ['image', 'set', 'debian', '--share', 'ada', '--share', 'bob', '--label', 'a=b=c', '--unlabel', 'old']
    const { status, last } = await cli([...words, '--prune-keep', '5'], handlers)
    expect(status).toBe(0)
    expect(last?.body).toEqual({
      visibility: 'shared',
      sharedWith: ['ada', 'bob'],
      labels: { os: 'debian', a: 'b=c' },
      prune: { keep: 5 },
    })
    expect((await cli(['image', 'set', 'debian', '--no-prune'], handlers)).last?.body).toEqual({ prune: null })
  })

  test.each([
    ['nothing to change', []],
    ['two visibilities', ['--public', '--private']],
    ['a label without value', ['--label', 'x']],
  ])('refuses %s', async (_, words) => {
    expect((await cli(['image', 'set', 'debian', ...words], handlers)).status).toBe(2)
  })
})

test('a version is pinned, unpinned and noted by its number', async () => {
  const handlers = { updateVersion: () => IMAGE }
  expect((await cli(['image', 'pin', 'debian@3'], handlers)).last).toMatchObject({
    params: { image: 'debian', version: 3 },
    body: { pinned: true },
  })
  expect((await cli(['image', 'unpin', 'debian@3'], handlers)).last?.body).toEqual({ pinned: false })
  expect((await cli(['image', 'note', 'debian@3', 'new'], handlers)).last?.body).toEqual({ note: 'new' })
  expect(await cli(['image', 'pin', 'debian'], handlers)).toMatchObject({
    status: 2,
    err: expect.stringContaining('debian@N'),
  })
})

test('verify and chunks fail when something is damaged', async () => {
  const fine = { ok: true, bytes: 4096, chunks: 1, sha256: null, problems: [] }
  expect(await cli(['image', 'verify', 'debian@3'], { verifyVersion: () => fine })).toMatchObject({
    status: 0,
    out: 'debian@3 is whole: 4.00 KiB in 1 chunks\n',
  })
  const bad = { ...fine, ok: false, problems: ['the chunk abc is damaged'] }
  expect(await cli(['image', 'verify', 'debian'], { verifyVersion: () => bad })).toMatchObject({
    status: 1,
    out: 'the chunk abc is damaged\n',
    err: 'reveille: debian is damaged\n',
  })
  const store = { chunks: 2, storedBytes: 10, scrubbedAt: null, corrupt: [] }
  expect((await cli(['image', 'chunks'], { getChunkStore: () => store })).status).toBe(0)
  const corrupt = [{ sha256: 'a'.repeat(64), detail: 'too short', at: IMAGE.createdAt, images: ['debian@3'] }]
  expect(await cli(['image', 'chunks'], { getChunkStore: () => ({ ...store, corrupt }) })).toMatchObject({
    status: 1,
    out: expect.stringContaining('debian@3'),
  })
})

describe('image fetch', () => {
  const handlers = { fetchImage: () => ({ ...IMAGE, latest: 1 }) }

  test('gives each file its check sum and signature, and knows the kind by the files', async () => {
    const key = join(folder, 'key.asc')
    await writeFile(key, 'KEY')
    const urls = ['--url', 'kernel=https://x/{channel}/vmlinuz', '--url', 'initrd=https://x/cpio.gz']
    const signatures = ['--signature', '.sig', '--signature', 'https://y/s']
    const { status, last } = await cli(
      [
        'image',
        'fetch',
        'flatcar',
        ...urls,
        ...signatures,
        '--key',
        key,
        '--channel',
        'stable',
        '--sha256',
        'A'.repeat(64),
      ],
      handlers,
    )
    expect(status).toBe(0)
    expect(last?.body).toMatchObject({
      kind: 'bundle',
      channel: 'stable',
      key: 'KEY',
      files: [
        {
          role: 'kernel',
          url: 'https://x/{channel}/vmlinuz',
          sha256: 'a'.repeat(64),
          signature: 'https://x/{channel}/vmlinuz.sig',
        },
        { role: 'initrd', url: 'https://x/cpio.gz', signature: 'https://y/s' },
      ],
    })
    expect((await cli(['image', 'fetch', 'd', '--url', 'https://x/d.qcow2'], handlers)).last?.body).toMatchObject({
      kind: 'disk',
    })
  })

  test('refuses a signature without a key, and more sums than files', async () => {
    const url = ['--url', 'https://x/d']
    expect((await cli(['image', 'fetch', 'd', ...url, '--signature', '.sig'], handlers)).status).toBe(2)
    const sums = ['--sha256', 'a'.repeat(64), '--sha256', 'b'.repeat(64)]
    expect((await cli(['image', 'fetch', 'd', ...url, ...sums], handlers)).status).toBe(2)
  })
})

test('build hands its order over and tells what is odd', async () => {
  let given: ImageOrder | undefined
  const local = {
    ...NO_LOCAL,
    buildImage: async (order: ImageOrder) => {
      given = order
      return {
        file: order.file,
        bytes: 4096,
        allocatedBytes: 1024,
        kernel: '/vmlinuz',
        initrd: null,
        notes: ['no initrd'],
      }
    },
  }
  const words = [
    'image',
    'build',
    'd.img',
    '--from',
    'r.tar',
    '--size',
    '2G',
    '--firmware',
    'uefi',
    '--cmdline',
    'quiet',
  ]
  const { status, out, err } = await cli(words, {}, { local })
  expect(status).toBe(0)
  expect(given).toEqual({
    file: 'd.img',
    from: 'r.tar',
    size: 2 * 2 ** 30,
    cmdline: 'quiet',
    firmware: ['uefi'],
    kernel: undefined,
    initrd: undefined,
  })
  expect(out).toBe('d.img: a disk of 4.00 KiB, 1.00 KiB of it in use, boots /vmlinuz\n')
  expect(err).toBe('note: no initrd\n')
  for (const wrong of [
    ['--size', 'big'],
    ['--firmware', 'coreboot'],
    ['--initrd', 'x'],
  ])
    expect((await cli(['image', 'build', 'd.img', '--from', 'r.tar', ...wrong], {}, { local })).status).toBe(2)
})

test('show tells of a disk what it holds', async () => {
  const disk = {
    bytes: 2 ** 31,
    allocatedBytes: 2 ** 29,
    addedBytes: 2 ** 22,
    sha256: null,
    table: 'gpt' as const,
    filesystems: ['vfat', 'ext4'],
  }
  const image = { ...IMAGE, kind: 'disk' as const, visibility: 'shared' as const, sharedWith: ['ada'] }
  const { out } = await cli(['image', 'show', 'debian'], {
    getImage: () => ({ ...image, versions: [{ ...VERSION, disk, pinned: true }] }),
  })
  expect(out).toContain('shared with ada')
  expect(out).toMatch(/1 +2\.00 GiB +512\.0 MiB +4\.00 MiB +gpt, vfat, ext4 .*pinned/)
})
