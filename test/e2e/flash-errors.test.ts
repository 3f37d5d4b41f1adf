import { createHash } from 'node:crypto'
import { open, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { BootPass, Welcome } from '../../src/api/contract/agent.ts'
import type { Deployment } from '../../src/api/contract/deployments.ts'
import type { Image } from '../../src/api/contract/images.ts'
import { proofOf, sessionOf } from '../../src/boot/install/proof.ts'
import { CHUNK_BYTES } from '../../src/protocols/chunks/list.ts'
import { LOCAL } from './bed/disks.ts'
import { FlashBed } from './bed/flash-bed.ts'
import { madeDisk } from './bed/made-disk.ts'
import { SmallDisk } from './bed/small-disk.ts'

const MIB = 2 ** 20
const SIZE = { mib: 64, dataMiB: 32 }
const A = madeDisk({ seed: 'a', ...SIZE })
const B = madeDisk({ seed: 'b', ...SIZE })
/** A chunk of B that is full of data, and a sector in it. */
const CHUNK = 12
const SECTOR = (CHUNK * CHUNK_BYTES + 3 * MIB) / 512
const SHA256 = createHash('sha256')
  .update(B.subarray(CHUNK * CHUNK_BYTES, (CHUNK + 1) * CHUNK_BYTES))
  .digest('hex')

let bed: FlashBed
let chunks: SmallDisk
beforeAll(async () => {
  chunks = await SmallDisk.make(512)
  bed = await FlashBed.make((dataDir) => symlink(chunks.path, join(dataDir, 'chunks')))
  await bed.offer('a', A)
  await bed.offer('b', B, { writeBack: true })
  await bed.offer('small', madeDisk({ seed: 'c', mib: 32, dataMiB: 8 }))
  await bed.installs('small-one', { image: 'small', disk: { mostBytes: 48 * MIB } })
}, 600_000)
afterAll(async () => {
  await bed?.remove()
  await chunks?.remove()
}, 60_000)

const blank = (disk: Buffer) => disk.subarray(0, 512).every((byte) => byte === 0)

async function spoil(): Promise<void> {
  const file = await open(join(chunks.path, SHA256.slice(0, 2), SHA256), 'r+')
  const byte = Buffer.alloc(1)
  await file.read(byte, 0, 1, 1_000_000)
  byte[0]! ^= 1
  await file.write(byte, 0, 1, 1_000_000)
  await file.close()
}

test('whatever goes wrong is named, nothing is lost, and the next deployment arrives', async () => {
  const machine = await bed.machine('trouble', 'bios', [SIZE.mib, 48, 48])
  const [large, small, twin] = [0, 1, 2].map((disk) => machine.serial(disk))
  await machine.writeDisk(0, A)

  // Two disks fit, which nobody can know before the management OS has looked.
  const twins = await bed.ended(await machine.order({ profile: 'small-one' }, 1))
  expect(twins).toMatchObject({ state: 'failed', dirty: false })
  expect(twins.reason).toMatch(/^for small@1 2 disks fit mostBytes 50331648, and just one must: /)
  for (const serial of [small, twin]) expect(twins.reason).toContain(serial)
  expect(twins.reason).toContain('no byte of a disk was changed')

  // From now on the disks are known, and what cannot be is refused at once.
  const refused = async (profile: string, ...disks: unknown[]) =>
    machine.refused({ profile, arm: disks.map((disk) => ({ disk })) })
  expect(await refused('small-one', small)).toContain('2 disks fit mostBytes 50331648, and just one must')
  const absent = await refused('a', 'NOT-HERE')
  expect(absent).toContain('no disk fits serial NOT-HERE; there are')
  for (const serial of [large, small, twin]) expect(absent).toContain(serial)
  expect(await refused('a', small)).toMatch(/a@1 has 64 MiB, more than the disk LAB-\w+-1 .* holds/)
  expect(await refused('a')).toContain(
    'no disk of trouble is armed, and only an armed disk is ever overwritten; there are',
  )
  expect((await machine.disk(0)).equals(A)).toBe(true)

  // A sector that cannot be written.
  await machine.breakSector(0, SECTOR)
  const dying = await bed.ended(await machine.order({ profile: 'b' }, 0))
  expect(dying).toMatchObject({ state: 'failed', dirty: true })
  expect(dying.reason).toMatch(/^\/dev\/vda: .* failed \(EIO\); serial LAB-\w+-0\. The disk reports a failure/)
  expect(dying.reason).toContain('a disk is half-written, so the machine is parked and boots no disk')
  expect(blank(await machine.disk(0)), 'it cannot boot').toBe(true)
  expect((await machine.seen()).state).toBe('failed')
  await machine.mendSector(0)

  // A byte of the library has changed.
  await spoil()
  const corrupt = await bed.ended(await machine.order({ profile: 'b' }, 0))
  expect(corrupt).toMatchObject({ state: 'failed', dirty: true })
  expect(corrupt.reason).toContain(`the chunk ${SHA256} is damaged`)
  expect(corrupt.reason).toContain('push its image again')
  expect(blank(await machine.disk(0)), 'it cannot boot').toBe(true)
  const damaged = async () =>
    (await bed.server.api<{ corrupt: { sha256: string; images: string[] }[] }>('GET', '/chunks')).corrupt
  expect(await damaged()).toMatchObject([{ sha256: SHA256, images: [expect.stringContaining('b')] }])
  await bed.offer('b', B)
  expect(await damaged()).toEqual([])

  const arrived = await bed.ended(await machine.order({ profile: 'b' }, 0))
  expect(arrived, arrived.reason).toMatchObject({ state: 'succeeded' })
  await machine.shows(LOCAL, 60_000)
  await machine.power('off')
  expect((await machine.disk(0)).equals(B)).toBe(true)

  // What its user changed is to be saved first, and there is no room for it.
  const changed = Buffer.from(B)
  changed.fill('Ada was here. ', 40 * MIB, 41 * MIB)
  await machine.writeDisk(0, changed)
  await chunks.fill()
  const full = await bed.ended(await machine.order({ profile: 'a' }, 0))
  expect(full).toMatchObject({ state: 'failed', dirty: false })
  expect(full.reason).toMatch(/^what was to be saved to b could not be: .*full.*; nothing was overwritten/)
  expect((await machine.disk(0)).equals(changed)).toBe(true)
  await chunks.drain()
  const saved = await bed.ended(await machine.order({ profile: 'a' }, 0))
  expect(saved, saved.reason).toMatchObject({ state: 'succeeded' })
  await machine.shows(LOCAL, 60_000)
  await machine.power('off')
  expect((await machine.disk(0)).equals(A)).toBe(true)
  const { versions } = await bed.server.api<Image>('GET', '/images/b')
  const content = await bed.download('/images/b/versions/latest/content')
  expect(content.equals(changed), `version ${versions.length} is the disk as it was left`).toBe(true)
}, 1_200_000)

test('a pass is good once and for its machine only, and who shows a wrong word hears nothing', async () => {
  const mac = '02:00:00:00:f0:01'
  await bed.server.api('POST', '/machines', { name: 'phantom', macs: [mac] })
  const order = { action: { kind: 'inventory' } }
  const { id } = await bed.server.api<Deployment>('POST', '/machines/phantom/deployments', order)
  const curl = await bed.fromElsewhere()
  const { body: script } = await curl(`/boot/script.ipxe?mac=${mac}&platform=efi&arch=x86_64`)
  const pass = /\/boot\/agent\/\S+\/boot\.cpio/.exec(script)?.[0] ?? ''
  expect(pass).toContain(id)

  // The word is sealed.
  const forged = await curl(pass.replace(id, 'd_0000000000000000'))
  expect(forged).toMatchObject({ status: 403, body: expect.stringContaining('This boot is forged') })
  const first = await curl(pass)
  expect(first.status).toBe(200)
  const { boot, secret } = JSON.parse(/\{.*\}/.exec(first.body)?.[0] ?? '{}') as BootPass
  const again = await curl(pass)
  expect(again).toMatchObject({ status: 403, body: expect.stringContaining('this pass was used before') })
  expect(again.body).not.toContain(secret)

  const hello = (nonce: string) => curl('/agent/v1/hello', { body: { boot, nonce, version: 'test' } })
  const nonce = 'a'.repeat(32)
  const welcome = await hello(nonce)
  const { serverNonce, proof } = JSON.parse(welcome.body) as Welcome
  expect(proof).toBe(proofOf(secret, nonce, serverNonce))
  expect(await hello('b'.repeat(32))).toMatchObject({ status: 401, body: expect.stringContaining('wrong-credentials') })
  const next = (session: string) => curl('/agent/v1/next', { body: {}, session })
  const wrong = await next(sessionOf(boot, 'another secret', nonce, serverNonce))
  expect(wrong).toMatchObject({ status: 401, body: expect.stringContaining('wrong-credentials') })
  expect((await curl('/agent/v1/next', { body: {} })).status).toBe(401)

  // Who came first is not disturbed, and an operator reads of the others.
  const right = await next(sessionOf(boot, secret, nonce, serverNonce))
  expect(JSON.parse(right.body)).toMatchObject({ do: 'task', id: `${id}.0`, task: { kind: 'inventory' } })
  const { items } = await bed.server.api<{ items: { text: string }[] }>('GET', `/deployments/${id}/log`)
  const told = items.map(({ text }) => text).join('\n')
  expect(told).toMatch(/the pass of a boot was asked for again by 10\.88\.0\.2, and refused: a pass is good once/)
  expect(told).toMatch(/10\.88\.0\.2 said hello for a boot whose agent had said hello before, and was refused/)
  expect(told).toMatch(/10\.88\.0\.2 asked with a wrong session for this boot, and was refused/)
  expect(`${told}${bed.server.output}`).not.toContain(secret)
})
