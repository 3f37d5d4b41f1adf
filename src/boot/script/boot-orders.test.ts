import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { serveHandlers } from '../../../test/fakes/boot-server.ts'
import { MemoryRepository } from '../../../test/fakes/memory-repository.ts'
import { RecordedTraces } from '../../../test/fakes/traces.ts'
import type { Bmc } from '../../gateway/bmc.ts'
import { standingOrder } from '../../gateway/boot-orders.ts'
import { ManualClock } from '../../kit/clock.ts'
import { SILENT } from '../../kit/log.ts'
import type { Machine } from '../../machines/machine.ts'
import { Machines } from '../../machines/machines.ts'
import { type Profile, ProfileSpec } from '../../profiles/profile.ts'
import type { DeploymentBoot } from './choose.ts'
import { serveScript } from './serve.ts'

const MAC = '52:54:00:12:34:56'
const profiles = new Map<string, Profile>()
for (const input of [
  { name: 'live', kind: 'live', image: 'linux' },
  { name: 'rescue', kind: 'live', image: 'linux' },
  { name: 'local', kind: 'local' },
])
  profiles.set(input.name, { ...ProfileSpec.parse(input), createdAt: 0, updatedAt: 0 })
const image = (kind: string, role: string) => ({
  image: { kind },
  version: { files: [{ role, name: role, sha256: 'a'.repeat(64), bytes: 1 }], cmdline: '' },
})
const images: Record<string, unknown> = { linux: image('bundle', 'kernel'), disc: image('iso', 'iso') }

let clock: ManualClock
let traces: RecordedTraces
let machines: Machines
let machine: Machine
let bmc: Pick<Bmc, 'bootOrder' | 'bootOrdered' | 'media'>
let wanted: DeploymentBoot | undefined
let used: string[]
let server: Awaited<ReturnType<typeof serveHandlers>>

beforeEach(async () => {
  clock = new ManualClock()
  traces = new RecordedTraces()
  bmc = { bootOrder: null, bootOrdered: null, media: null }
  wanted = undefined
  used = []
  machines = await Machines.open({
    repository: new MemoryRepository((row: Machine) => row.id),
    clock,
    events: { publish() {} },
    namePattern: 'node-%04d',
    hasProfile: (name) => profiles.has(name),
  })
  machine = await machines.create({ name: 'web', macs: [MAC], profile: 'live' }, 'admin')
  const stage = serveScript({
    machines,
    profiles,
    images: { resolve: (name) => images[name] as never },
    deployments: { bootFor: () => wanted, launchedLocal: async () => {}, bootSeen: async () => {} },
    bootOrders: {
      bootFor: () => standingOrder(bmc as Bmc),
      obeyed: async (_, order) => {
        if (bmc.bootOrdered?.id !== order || bmc.bootOrder?.persistent) return
        used.push(order)
        bmc = { ...bmc, bootOrder: null, bootOrdered: null }
      },
    },
    traces,
    unknownMachines: 'park',
    key: new Uint8Array(32).fill(7),
    clock,
    log: SILENT,
  })
  server = await serveHandlers(stage.handler)
})
afterEach(() => server.close())

type Device = NonNullable<Bmc['bootOrder']>['device']
function order(device: Device, persistent = false, driver: string | null = null): void {
  bmc = {
    ...bmc,
    bootOrder: { device, persistent, efi: false },
    bootOrdered: { id: 'o_1', at: clock.now(), by: 'admin (IPMI from 10.0.0.5)', driver },
  }
}
const script = async () => (await fetch(`${server.base}/boot/script.ipxe?mac=${MAC}&platform=pcbios`)).text()
const launch = async (text: string) => {
  const { pathname } = new URL(/imgfetch.* (http\S+\/launch)/.exec(text)![1]!, server.base)
  await fetch(server.base + pathname)
}
const lastEvent = () => traces.events.at(-1)!
const MENU = 'kernel --name kernel'

describe('an order to boot the disk', () => {
  test('is obeyed once, and used up by the launch, not by asking', async () => {
    order('disk')
    const text = await script()
    expect(text).toContain('sanboot --no-describe --drive 0x80')
    expect(text).not.toContain(MENU)
    expect(lastEvent()).toMatchObject({
      kind: 'http.script',
      summary: 'it asked for its script and is told to boot its own disk',
      reason: 'admin (IPMI from 10.0.0.5) told its BMC that it is to boot its own disk once',
      detail: { decision: 'local' },
    })
    expect(used).toEqual([])
    await launch(text)
    expect(used).toEqual(['o_1'])
    expect(lastEvent().summary).toBe('it passes control to its own disk now')
    expect(await script()).toContain(MENU)
  })

  test('that stays is obeyed every time', async () => {
    order('disk', true)
    await launch(await script())
    expect(await script()).toContain('--drive 0x80')
  })

  test('gives way to a newer order for the next boot, and to a deployment', async () => {
    order('disk', true)
    clock.advance(1000)
    await machines.setBoot(machine.id, { once: 'rescue' }, 'ann')
    expect(await script()).toContain(MENU)
    expect(lastEvent().reason).toBe('ann ordered rescue for its next boot')
    order('disk')
    clock.advance(1000)
    bmc = { ...bmc, bootOrdered: { ...bmc.bootOrdered!, at: clock.now() } }
    expect(await script()).toContain('--drive 0x80')
    await machines.setBoot(machine.id, { once: null }, 'ann')
    wanted = { what: 'park', reason: 'half written', next: 'wait' }
    expect(await script()).toContain('echo Why: half written')
    expect(used).toEqual([])
  })

  test('of which the firmware was told, too, is past when the machine asks here', async () => {
    order('disk', false, 'drivers')
    expect(await script()).toContain(MENU)
    expect(used).toEqual(['o_1'])
    order('disk', true, 'drivers')
    expect(await script()).toContain('--drive 0x80')
  })
})

describe('an order to boot from the network', () => {
  test('boots the profile, says so, and is used up by asking', async () => {
    order('pxe')
    expect(await script()).toContain(MENU)
    expect(lastEvent().reason).toBe(
      'live is the profile of web; admin (IPMI from 10.0.0.5) told its BMC that it is to boot from the network once',
    )
    expect(used).toEqual(['o_1'])
    await script()
    expect(lastEvent().reason).toBe('live is the profile of web')
  })
})

describe('an order to boot the disc', () => {
  test.each([
    ['disc', 'sanboot --no-describe http'],
    ['linux', MENU],
    ['http://10.0.0.9/some.iso', 'sanboot --no-describe http://10.0.0.9/some.iso'],
  ])('boots %s once', async (media, line) => {
    await machines.setBoot(machine.id, { profile: 'local' }, 'ann')
    bmc = { ...bmc, media }
    order('cdrom')
    const text = await script()
    expect(text).toContain(line)
    expect(text).toContain('echo Reveille: web (52:54:00:12:34:56) boots the disc in its BMC')
    expect(lastEvent().summary).toBe('it asked for its script and is told to boot the disc in its BMC')
    await launch(text)
    expect(used).toEqual(['o_1'])
    expect(await script()).toContain('--drive 0x80')
  })

  test.each([null, 'gone'])('without one (%s) boots what it boots anyway', async (media) => {
    bmc = { ...bmc, media }
    order('media')
    expect(await script()).toContain(MENU)
    expect(lastEvent().reason).toContain('told its BMC')
  })

  test('whose address has no place in a script is parked with the reason', async () => {
    bmc = { ...bmc, media: 'http://10.0.0.9/a b.iso' }
    order('media')
    expect(await script()).toContain('echo Why: the disc in its BMC cannot be booted')
  })
})
