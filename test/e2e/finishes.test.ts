import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildImage } from '../../src/imaging/build.ts'
import { FlashBed } from './bed/flash-bed.ts'
import { madeDisk } from './bed/made-disk.ts'
import { COUNTED, COUNTING_INIT, makeRoot } from './bed/system.ts'
import { until } from './bed/until.ts'

/** The ends of a deployment other than a restart, and several disks in one. */
const DISKS = { a: madeDisk({ seed: 'a', mib: 64, dataMiB: 24 }), b: madeDisk({ seed: 'b', mib: 64, dataMiB: 24 }) }

let bed: FlashBed
let work = ''
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), 'rv-finishes-'))
  bed = await FlashBed.make()
  await bed.offer('a', DISKS.a)
  await bed.offer('b', DISKS.b)
}, 900_000)
afterAll(async () => {
  await bed?.remove()
  await rm(work, { recursive: true, force: true })
}, 60_000)

test('two disks are written by one deployment, and the machine switches itself off', async () => {
  const machine = await bed.machine('pair', 'bios', [64, 64])
  const targets = ['a', 'b'].map((image, disk) => ({ image, disk: { serial: machine.serial(disk) } }))
  await bed.server.api('POST', '/profiles', { name: 'pair', kind: 'install', targets, finish: 'power-off' })
  const id = await machine.order({ profile: 'pair' }, 0, 1)
  const { state, reason } = await bed.ended(id)
  expect({ state, reason }).toEqual({
    state: 'succeeded',
    reason: 'everything is written and verified, and the machine was switched off',
  })
  await until('it is off', 60_000, async () => {
    const { state: power } = await bed.server.api<{ state: string }>('GET', '/machines/pair/power')
    return power === 'off' ? true : undefined
  })
  expect((await machine.disk(0)).equals(DISKS.a)).toBe(true)
  expect((await machine.disk(1)).equals(DISKS.b)).toBe(true)
  // Switched on again it boots what was written, and nothing is written once more.
  await machine.power('on')
  await machine.shows('LOCAL', 120_000)
  await machine.power('off')
}, 600_000)

test('the installed kernel is started without going through the firmware', async () => {
  const [root, file] = [join(work, 'root'), join(work, 'system.img')]
  await mkdir(root)
  await makeRoot(root, COUNTING_INIT)
  await buildImage({ file, from: root, cmdline: 'console=ttyS0', firmware: ['bios', 'uefi'] }, () => undefined)
  const content = await readFile(file)
  await bed.offer('system', content)
  const machine = await bed.machine('fast', 'bios', [content.length / 2 ** 20])
  const targets = [{ image: 'system' }]
  await bed.server.api('POST', '/profiles', { name: 'fast', kind: 'install', targets, finish: 'kexec' })
  const id = await machine.order({ profile: 'fast' }, 0)
  expect((await bed.ended(id)).reason).toBe('everything is written and verified, and its system was started by kexec')
  await machine.shows(`${COUNTED} boot 1 of built, firmware=bios`, 120_000)
  // One power-on: the firmware, and so iPXE, was there just once.
  expect((await machine.printed()).split('Reveille: fast').length - 1).toBe(1)
  await machine.power('off')
}, 600_000)
