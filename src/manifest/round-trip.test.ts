import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { openWorld, type World } from '../../test/api/world.ts'
import type { ApiClient, InputOf } from '../api/client/client.ts'
import { exportSite, exportSiteText } from '../api/client/site/exporting.ts'
import { readSiteText } from '../api/client/site/reading.ts'
import { yamlOf } from '../api/client/site/yaml.ts'
import { CHUNK_BYTES, encodeChunkList } from '../protocols/chunks/list.ts'

let world: World
let client: ApiClient
beforeEach(async () => {
  world = await openWorld()
  client = (await world.as('operator')).client
})
afterEach(() => world.close())

const NONE = { read: () => Promise.reject(new Error('no file')), list: () => Promise.reject(new Error('no folder')) }
const machine = (name: string, last: string) => ({ name, macs: [`52:54:00:00:00:${last}`] })

async function bundle(name: string): Promise<void> {
  const content = Buffer.from('kernel')
  const sha256 = createHash('sha256').update(content).digest('hex')
  await client.createImage({ body: { name, kind: 'bundle' } })
  await client.putUpload({ params: { sha256 }, body: { content } })
  await client.createVersion({
    params: { image: name },
    body: { files: [{ role: 'kernel', name: 'vmlinuz', sha256 }] },
  })
}

async function disk(name: string): Promise<void> {
  const chunk = await world.images.chunks.add(new Uint8Array(CHUNK_BYTES).fill(1))
  const list = encodeChunkList({ bytes: CHUNK_BYTES, chunks: [chunk.sha256] })
  await client.createImage({ body: { name, kind: 'disk' } })
  const { sha256 } = await world.images.blobs.put(Readable.from([list]), { limit: list.length })
  await world.images.addVersion(name, { files: [{ role: 'chunks', name: 'disk', sha256 }], cmdline: '', note: '' }, 'x')
}

/** What applying an export to the same server would change. */
async function changesOf(text: string): Promise<string[]> {
  const { manifest, problems } = await readSiteText(text, 'site.yaml', NONE)
  expect(problems).toEqual([])
  const { changes } = await client.apply({ body: manifest, query: { dryRun: 'true' } })
  return changes.filter(({ change }) => change !== 'none').map(({ thing, fields }) => `${thing} ${fields}`)
}

describe('an export', () => {
  test('of whoever may not see texts with secrets changes nothing either', async () => {
    await disk('debian')
    const identity = { passwordHash: '$6$a$b', userData: '#cloud-config\npassword: hunter2\n' }
    await client.createProfile({ body: { name: 'server', kind: 'install', targets: [{ image: 'debian' }], identity } })
    const viewer = (await world.as('viewer')).client
    const text = await exportSiteText(viewer)
    expect(text).not.toContain('hunter2')
    expect(await changesOf(text)).toEqual([])
  })

  test('names what another server needs besides', async () => {
    await bundle('live')
    const part = (content: string) => ({ name: 'node', kind: 'text' as const, parts: [{ name: 'main', content }] })
    for (const content of ['one\n', 'two\n']) await client.apply({ body: { configs: [part(content)] } })
    await client.createProfile({ body: { name: 'p', kind: 'live', image: 'live', config: 'node@1' } })
    await client.apply({ body: { machines: [machine('old', '01'), machine('new', '02')] } })
    await client.updateMachine({ params: { machine: 'old' }, body: { state: 'retired' } })
    await client.apply({ body: { volumes: [{ name: 'games', bytes: 1_048_576 }] } })
    await client.exportVolume({ params: { volume: 'games' }, body: {} })
    const told = (await exportSite(client)).flatMap(({ content }) => content.match(/^# {3}.*$/gm) ?? [])
    expect(told).toEqual([
      '#   reveille machine set old --state retired',
      '#   images, to be pushed before: live',
      expect.stringMatching(/profile p: it goes by version 1 of the config node, and here is the newest text only/),
      '#   what is in volumes is not here: it is in a backup, or published as an image',
      expect.stringMatching(/reveille volume export games: an export by/),
    ])
    expect(await changesOf(await exportSiteText(client))).toEqual([])
  })

  test('keeps every text as it is, however odd its white space', () => {
    const odd = fc.array(fc.constantFrom(' ', '\n', '\t', '\r', 'a', '#', '- ', ': ', '\u0085', '\u2028', '---', '|'))
    const text = odd.map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(text, (notes) => {
        expect(parse(yamlOf({ machines: [{ notes, name: 'a' }] }))).toEqual({ machines: [{ notes, name: 'a' }] })
      }),
    )
    for (const notes of [' \n', '\n \n', ' \t\n\n']) expect(parse(yamlOf([notes]))).toEqual([notes])
  })
})

describe('pruning', () => {
  const site = (...names: number[]) => ({ machines: names.map((n) => machine(`pc${n}`, `0${n}`)) })
  const apply = async (body: NonNullable<InputOf<'apply'>>['body'], name: string) => {
    const { changes, kept } = await client.apply({ body, query: { name, prune: 'true' } })
    return [...changes.flatMap(({ change, thing }) => (change === 'remove' ? [thing] : [])), ...kept]
  }

  test('takes what two names had once neither has it: none of them keeps it for the other for ever', async () => {
    for (const name of ['site', 'sit']) await client.apply({ body: site(1, 2, 3, 4), query: { name } })
    expect(await apply(site(1, 2, 3), 'site')).toEqual([
      { thing: 'machine pc4', reason: expect.stringMatching(/sit has it/) },
    ])
    expect(await apply(site(1, 2, 3), 'site')).toEqual([])
    expect(await apply(site(1, 2, 3), 'sit')).toEqual(['machine pc4'])
    expect(world.machines.find('pc4')).toBeUndefined()
  })

  test('leaves a machine whose own disk holds what it has written', async () => {
    await client.apply({ body: site(1, 2, 3, 4), query: { name: 'site' } })
    await disk('desk')
    await client.createProfile({
      body: { name: 'desk', kind: 'diskless', disks: [{ use: 'overlay', image: 'desk' }] },
    })
    const { id } = world.machines.find('pc4')!
    const diskless = world.disks.diskless as import('../volumes/diskless.ts').Diskless
    await diskless.prepare({ machine: id, profile: world.profiles.get('desk')!, host: '10.0.0.1', address: '10.0.0.7' })
    const [volume] = world.disks.volumes.ledger.overlaysOf(id)
    expect(await apply(site(1, 2, 3), 'site')).toEqual([
      {
        thing: 'machine pc4',
        reason: expect.stringMatching(
          /^its volume .* has what it has written; if that may go: reveille machine rm pc4$/,
        ),
      },
    ])
    expect(world.disks.volumes.ledger.overlaysOf(id)).toEqual([volume])
  })

  test('takes no machine for another one because it is called otherwise now', async () => {
    await client.apply({ body: site(1, 2, 3), query: { name: 'site' } })
    const renamed = { machines: [...site(1, 2).machines, machine('web3', '03')] }
    await expect(apply(renamed, 'site')).rejects.toMatchObject({
      message: 'the MAC 52:54:00:00:00:03 of web3 belongs to pc3, which the manifest does not name',
      next: expect.stringContaining('reveille machine set pc3 --name web3'),
    })
    // Cards that change places between machines of the manifest are no matter.
    await client.apply({ body: { machines: [machine('pc1', '02'), machine('pc2', '01'), machine('pc3', '03')] } })
    expect(world.machines.find('pc1')?.macs).toEqual(['52:54:00:00:00:02'])
  })
})
