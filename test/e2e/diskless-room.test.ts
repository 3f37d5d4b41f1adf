import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Image } from '../../src/api/contract/images.ts'
import type { Maintenance } from '../../src/api/contract/maintenance.ts'
import type { VolumeJob } from '../../src/api/contract/volumes.ts'
import { LAB_LINUX } from '../../src/lab/offer.ts'
import { fileLister } from '../pe/file-lister.ts'
import type { Bed } from './bed/bed.ts'
import { debianRoot } from './bed/debian-root.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { loggedOut, rooted, shell } from './bed/rooted.ts'
import { smallRoot } from './bed/small-root.ts'
import { until } from './bed/until.ts'

/** What an operator does with a room of machines without disks. */
const ROOM = { name: 'room', kind: 'menu', title: 'Room 3', default: 'desktop', timeoutSeconds: 3 }

let bed: Bed
beforeAll(async () => {
  const [small, { whole }] = [await smallRoot(), await debianRoot()]
  bed = await openRoom()
  await push(bed, 'desktop', small)
  await push(bed, 'debian', whole)
  const make = (profile: Record<string, unknown>) => bed.server.api('POST', '/profiles', profile)
  await make({ name: 'desktop', kind: 'diskless', disks: [overlay('desktop')] })
  await make({ name: 'exam', kind: 'diskless', disks: [overlay('desktop', { policy: 'reset-at-boot' })] })
  await make({ name: 'debian', kind: 'diskless', disks: [overlay('debian')] })
  const items = [{ profile: 'desktop' }, { profile: 'exam', label: 'Exam room', password: 'open-sesame' }]
  await make({ ...ROOM, items })
  // Nobody is fast enough on a busy computer.
  await make({ ...ROOM, items, name: 'patient-room', timeoutSeconds: 0 })
}, 900_000)
afterAll(() => bed?.remove())

const MEMORY = { memoryMiB: 768 } as const
const pause = () => new Promise((resolve) => setTimeout(resolve, 1000))
const DOWN = '\x1b[B'

test('an entry of the menu with a password has disks of its own', async () => {
  const vm = await bed.known({ name: 'chooser', ...MEMORY }, 'room')
  await vm.on()
  await vm.shows(/Room 3[\s\S]*Exam room/, 90_000)
  expect(await rooted(vm)).toMatchObject({ boot: '1', marker: '' })
  await shell(vm, 'echo desktop >/marker; sync')

  await bed.server.api('PATCH', `/machines/${vm.mac}`, { profile: 'patient-room' })
  await vm.reset()
  const choose = async (password: string) => {
    await vm.shows(/Room 3[\s\S]*Exam room/, 90_000)
    vm.forget()
    // What is chosen is drawn anew.
    vm.type(DOWN)
    await vm.shows(/Exam room/, 60_000)
    vm.type('\r')
    await vm.shows(/Password/, 60_000)
    await pause()
    // The name of the user stays empty.
    vm.type('\r')
    await pause()
    vm.type(`${password}\r`)
  }
  await choose('open sesame')
  await vm.shows(/That password is not right/, 60_000)
  await choose('open-sesame')
  expect(await rooted(vm)).toMatchObject({ boot: '1', marker: '' })
  await shell(vm, 'echo exam >/marker; sync')
  expect(bed.server.output).not.toContain('open-sesame')

  await bed.server.api('PATCH', `/machines/${vm.mac}`, { profile: 'room' })
  await vm.reset()
  expect(await rooted(vm), 'the default comes up by itself').toMatchObject({ boot: '2', marker: 'desktop' })
  await vm.off()
}, 1_200_000)

test('one machine makes the next version of the master, and the others get it', async () => {
  const master = await bed.known({ name: 'master', ...MEMORY }, 'desktop')
  const { id } = await bed.server.api<Maintenance>('POST', '/maintenances', { profile: 'desktop', machine: 'master' })
  await master.on()
  expect(await rooted(master)).toMatchObject({ boot: '1', marker: '' })
  await shell(master, 'echo next >/marker; sync')
  await master.off()
  await loggedOut(bed.server, master)
  const job = await bed.server.api<VolumeJob>('POST', `/maintenances/${id}/publish`, { rollout: 'all' })
  await until('it is published', 120_000, async () => {
    const { state, detail } = await bed.server.api<VolumeJob>('GET', `/volume-jobs/${job.id}`)
    if (state === 'failed') throw new Error(detail)
    return state === 'succeeded' ? true : undefined
  })
  const other = await bed.known({ name: 'other', ...MEMORY }, 'desktop')
  await other.on()
  expect(await rooted(other)).toMatchObject({ boot: '2', marker: 'next' })
  await other.off()
}, 900_000)

/** A restart takes a minute and a half, so the long tests do it. */
const SOAK = process.env.REVEILLE_SOAK !== undefined
const FIRMWARES = SOAK ? (['bios', 'uefi'] as const) : (['bios'] as const)

test.each(FIRMWARES)(
  'a whole Debian starts by %s, with systemd and its own way to iSCSI',
  async (firmware) => {
    const wish = { firmware, rom: firmware === 'uefi' ? 'pxe' : 'ipxe', memoryMiB: 1024 } as const
    const vm = await bed.known({ name: `whole-${firmware}`, ...wish }, 'debian')
    await vm.on()
    expect(await rooted(vm)).toMatchObject({ boot: '1', firmware, root: '/dev/sda3' })
    expect(await shell(vm, 'cat /proc/1/comm; iscsiadm -m session')).toMatch(/^systemd\ntcp: \[1\] 10\.77\.0\.1:3260/)
    if (SOAK) {
      await shell(vm, 'echo kept >/marker; systemctl reboot')
      expect(await rooted(vm)).toMatchObject({ boot: '2', marker: 'kept' })
    }
    await vm.off()
  },
  1_200_000,
)

describe('wimboot is given the files of Windows PE under their names', () => {
  const keep = async (bytes: Buffer) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await bed.server.api('PUT', `/uploads/${sha256}`, bytes)
    return sha256
  }
  const windows = async (name: string, wimboot: string, files: Readonly<Record<string, Buffer>>, more = {}) => {
    const initrds = await Promise.all(
      Object.entries(files).map(async ([file, bytes]) => ({ role: 'initrd', name: file, sha256: await keep(bytes) })),
    )
    await bed.server.api('POST', '/images', { name, kind: 'bundle' })
    await bed.server.api('POST', `/images/${name}/versions`, {
      files: [{ role: 'kernel', name: 'wimboot', sha256: wimboot }, ...initrds],
      cmdline: 'console=ttyS0 rdinit=/boot.wim panic=-1',
    })
    await bed.server.api('POST', '/profiles', { name, kind: 'wim', image: name, disks: [overlay('desktop')], ...more })
  }

  test('by BIOS', async () => {
    // In the place of wimboot a kernel, which is loaded in the same way: it is told to start a file that wimboot would look for.
    const { versions } = await bed.server.api<Image>('GET', `/images/${LAB_LINUX}`)
    const kernel = versions[0]?.files.find(({ role }) => role === 'kernel')?.sha256
    const text = Buffer.from('a stand-in')
    await windows('pe', kernel!, { BCD: text, 'boot.sdi': text, 'boot.wim': text })
    const vm = await bed.known({ name: 'winpe', ...MEMORY }, 'pe')
    await vm.on()
    await vm.shows(
      /Registered SAN device 0x80[\s\S]*\/wimboot\.\.\. ok[\s\S]*\/BCD\.\.\. ok[\s\S]*\/boot\.wim\.\.\. ok/,
      120_000,
    )
    await vm.shows(/Failed to execute \/boot\.wim \(error -(8|13)\)/, 120_000)
    await vm.off()
  })

  test('by UEFI, with the answer file of their profile', async () => {
    const files = { BCD: randomBytes(16_384), 'boot.sdi': randomBytes(3_170_304), 'boot.wim': randomBytes(5_000_001) }
    const answers = '<unattend>{{ machine.name }}</unattend>'
    const config = { name: 'answers', kind: 'unattend', parts: [{ name: 'main', content: answers }] }
    await bed.server.api('POST', '/configs', config)
    await windows('pe-uefi', await keep(fileLister()), files, { config: 'answers' })
    const vm = await bed.known({ name: 'winpe-uefi', firmware: 'uefi', rom: 'pxe', ...MEMORY }, 'pe-uefi')
    await vm.on()
    await vm.shows(/Registered SAN device 0x80/, 120_000)
    await vm.shows(/END\s/, 120_000)
    const found = [...vm.printed.matchAll(/FILE (\S+) ([0-9a-f]{8}) ([0-9a-f]{8})/g)].map(([, ...each]) => each)
    const hex = (value: number) => value.toString(16).padStart(8, '0')
    const row = (name: string, bytes: Uint8Array) => [name, hex(bytes.length), hex(crc32(bytes))]
    for (const [name, bytes] of Object.entries(files)) expect(found).toContainEqual(row(name, bytes))
    expect(found).toContainEqual(row('unattend.xml', Buffer.from('<unattend>winpe-uefi</unattend>')))
    expect(vm.printed).toMatch(/TOLD [^\r\n]*rdinit=\/boot\.wim panic=-1/)
    await vm.off()
  })
})
