import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Volume } from '../../src/api/contract/volumes.ts'
import { type Bed, SERVER } from './bed/bed.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { rooted, shell } from './bed/rooted.ts'
import { smallRoot } from './bed/small-root.ts'
import { until } from './bed/until.ts'
import type { Vm } from './bed/vm.ts'

/** The life of the disks of machines without disks, on real firmware, from the target that is built in. */
const DESKTOP = { name: 'desktop', kind: 'diskless', disks: [overlay('desktop')] }

let bed: Bed
beforeAll(async () => {
  const disk = await smallRoot()
  bed = await openRoom({
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0', router: SERVER }],
  })
  await push(bed, 'desktop', disk)
  await bed.server.api('POST', '/profiles', DESKTOP)
}, 900_000)
afterAll(() => bed?.remove())

const MEMORY = { memoryMiB: 768 } as const
const volumes = async () => (await bed.server.api<{ items: Volume[] }>('GET', '/volumes')).items
const volumeOf = async (vm: Vm) => (await volumes()).find(({ machine }) => machine === vm.name)!

/** Long work on a volume, until it has ended well. */
async function job(path: string, body: object): Promise<void> {
  const { id } = await bed.server.api<{ id: string }>('POST', path, body)
  await until(`${path} ends`, 120_000, async () => {
    const { state, detail } = await bed.server.api<{ state: string; detail: string }>('GET', `/volume-jobs/${id}`)
    if (state === 'failed') throw new Error(detail)
    return state === 'succeeded' ? true : undefined
  })
}

test('a machine keeps what it writes, goes back to snapshots, and forgets when it is reset; what it made is published', async () => {
  const bios = await bed.known({ name: 'bios', ...MEMORY }, 'desktop')
  await bios.on()
  const first = await rooted(bios)
  expect(first).toMatchObject({ boot: '1', firmware: 'bios', marker: '', root: '/dev/sda3' })
  expect(await shell(bios, 'echo one >/marker; sync; cat /marker')).toBe('one')

  // Reset: nobody said goodbye to the target.
  await bios.reset()
  expect(await rooted(bios)).toMatchObject({ boot: '2', marker: 'one', initiator: first.initiator })
  const { name } = await volumeOf(bios)
  await bed.server.api('POST', `/volumes/${name}/snapshots`, { name: 'good' })
  await shell(bios, 'echo two >/marker; sync')
  await bios.off()
  await bed.server.api('POST', `/volumes/${name}/revert`, { snapshot: 'good', kick: true })
  await bios.on()
  expect(await rooted(bios)).toMatchObject({ boot: '3', marker: 'one' })
  await shell(bios, 'echo master >/marker; sync')
  await bios.off()
  await job(`/volumes/${name}/publish`, { image: 'desktop' })

  // A second machine begins with what was published, while the first one begins anew: two on one base, each with writes of its own.
  const uefi = await bed.known({ name: 'uefi', firmware: 'uefi', rom: 'pxe', ...MEMORY }, 'desktop')
  await bed.server.api('POST', `/machines/bios/reset`, { profile: 'desktop', kick: true })
  await Promise.all([bios.on(), uefi.on()])
  const [anew, second] = [await rooted(bios), await rooted(uefi)]
  expect(second).toMatchObject({ boot: '4', firmware: 'uefi', marker: 'master' })
  expect(anew).toMatchObject({ boot: '4', marker: 'master' })
  expect(second.initiator).not.toBe(first.initiator)
  await Promise.all([shell(bios, 'echo mine >/marker; sync'), shell(uefi, 'echo other >/marker; sync')])
  // What Windows needs, read by Linux: the disk's server is told without a gateway.
  expect([anew.gateway, second.gateway]).toEqual([SERVER, SERVER])
  await bed.server.api('PUT', '/profiles/desktop', { ...DESKTOP, hideGateway: true })
  await Promise.all([bios.reset(), uefi.reset()])
  expect(await rooted(bios)).toMatchObject({ firmware: 'bios', marker: 'mine', gateway: '' })
  expect(await rooted(uefi)).toMatchObject({ firmware: 'uefi', marker: 'other', gateway: '' })
  await Promise.all([bios.off(), uefi.off()])
}, 1_500_000)
