import { describe, expect, test } from 'vitest'
import { Manifest } from '../api/contract/server.ts'
import type { Image, ImageVersion } from '../images/image.ts'
import type { Volume } from '../volumes/volume.ts'
import { applyVolumes, planVolumes } from './volumes.ts'

const SHA256 = 'a'.repeat(64)
const resolve = (reference: string) =>
  /^debian(@[34])?$/.test(reference)
    ? ({
        image: { name: 'debian', kind: 'disk' },
        version: { number: 3, disk: { bytes: 2 ** 30 }, files: [{ role: 'chunks', sha256: SHA256 }] },
      } as unknown as { image: Image; version: ImageVersion })
    : undefined

const VOLUME = {
  id: 'v_1',
  name: 'work',
  bytes: 2 ** 30,
  base: { image: 'debian', version: 3, chunks: SHA256, bytes: 2 ** 30 },
  use: { kind: 'own' },
  labels: {},
  notes: '',
  scsi: { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' },
  limitBytes: null,
} as unknown as Volume

function plan(volumes: unknown, there: readonly Volume[] = [VOLUME]) {
  const ledger = { find: (name: string) => there.find((volume) => volume.name === name) }
  return planVolumes(Manifest.parse({ volumes }).volumes, { ledger }, resolve)
}
const changes = (volumes: unknown, there?: readonly Volume[]) =>
  plan(volumes, there).map(({ name, change, fields }) => [name, change, change === 'create' ? [] : fields])

describe('volumes of a manifest', () => {
  test('are created, changed, or left as they are', () => {
    expect(
      changes([
        { name: 'new', image: 'debian' },
        { name: 'empty', bytes: 2 ** 20 },
        { name: 'work', image: 'debian@3', labels: { a: 'b' }, scsi: { vendor: 'ACME' } },
      ]),
    ).toEqual([
      ['new', 'create', []],
      ['empty', 'create', []],
      ['work', 'update', ['labels', 'scsi']],
    ])
    expect(changes([{ name: 'work', image: 'debian' }])).toEqual([['work', 'none', []]])
    expect(changes([{ name: 'work', image: 'debian', bytes: 2 ** 30 }])).toEqual([['work', 'none', []]])
  })

  test.each([
    ['an image that is not there', [{ name: 'new', image: 'suse' }], 'there is no image version suse'],
    ['nothing to begin with', [{ name: 'new' }], 'needs an image or a size'],
    ['too small a disk', [{ name: 'new', image: 'debian', bytes: 2 ** 20 }], 'smaller than debian@3'],
    ['another image', [{ name: 'work', image: 'suse' }], 'lies over debian@3, not suse'],
    ['another version', [{ name: 'work', image: 'debian@4' }], 'lies over debian@3, not debian@4'],
    ['no image any more', [{ name: 'work', bytes: 2 ** 30 }], 'lies over debian@3'],
    ['another size', [{ name: 'work', image: 'debian', bytes: 2 ** 31 }], 'has 1073741824 bytes'],
    ['two of one name', [{ name: 'a', bytes: 2 ** 20 }].concat([{ name: 'a', bytes: 2 ** 20 }]), 'twice'],
  ])('%s is refused, so that no content is lost', (_, volumes, message) => {
    expect(() => plan(volumes)).toThrow(message)
  })

  test('an overlay of a machine is nobody else’s', () => {
    const use = { kind: 'overlay', machine: 'm_1', profile: 'cafe', lun: 0 } as const
    expect(() => plan([{ name: 'work', image: 'debian' }], [{ ...VOLUME, use }])).toThrow('belongs to a machine')
  })

  test('applying does just what was planned', async () => {
    const done: unknown[] = []
    const keeper = {
      ledger: { find: () => undefined, overlaysOf: () => [] },
      create: async (given: unknown, by: string) => done.push(['create', (given as { name: string }).name, by]),
      update: async (id: string, patch: unknown) => done.push(['update', id, patch]),
    }
    const planned = plan([
      { name: 'new', image: 'debian' },
      { name: 'work', image: 'debian', notes: 'mine', limitBytes: 2 ** 20 },
    ])
    await applyVolumes(planned, keeper, 'admin')
    expect(done).toEqual([
      ['create', 'new', 'admin'],
      ['update', 'v_1', { labels: {}, notes: 'mine', limitBytes: 2 ** 20, scsi: VOLUME.scsi }],
    ])
  })
})
