import { beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayWorld, UNREACHABLE } from '../../test/fakes/gateway-world.ts'
import type { BmcBackEnd, BmcCaller } from './back-end.ts'
import type { Gateway } from './gateway.ts'
import type { Routes } from './routes.ts'

const BY: BmcCaller = { face: 'ipmi', user: 'admin', address: '10.0.0.5' }
let world: GatewayWorld
let gateway: Gateway
let backEnd: BmcBackEnd
beforeEach(async () => {
  world = new GatewayWorld()
  gateway = await world.open()
  await gateway.create('m_1', { user: 'admin', privilege: 'administrator', clients: [], routes: {} })
  backEnd = gateway.ofMachine('m_1')!
})
const route = (routes: Routes) => gateway.update('m_1', { routes })
const texts = async () => (await gateway.eventsOf('m_1')).map(({ text, severity }) => `${severity}: ${text}`)

describe('power', () => {
  test('goes to the drivers in their order, or where it is routed, live', async () => {
    await backEnd.perform('cycle', BY)
    await backEnd.perform('soft', BY)
    await route({ 'power.soft': 'os', 'power.hard': 'bmc' })
    await backEnd.perform('soft', BY)
    await backEnd.perform('off', BY)
    expect(await backEnd.powerState()).toBe('on')
    expect(world.asked).toEqual(['m_1 any cycle', 'm_1 any soft', 'm_1 os soft', 'm_1 bmc off', 'm_1 bmc state'])
  })

  test('is written into the log, the audit log and the trace, and is the cause of the start', async () => {
    await backEnd.perform('on', BY)
    expect(backEnd.bmc.restartCause).toBe(1)
    expect(await texts()).toEqual(['ok: power on by admin (IPMI from 10.0.0.5)'])
    expect(world.traced).toEqual(['m_1 its BMC was told: power on: admin (IPMI from 10.0.0.5) ordered it'])
    expect(world.deeds).toEqual([
      {
        ...{ who: 'admin', via: 'ipmi', address: '10.0.0.5', action: 'bmc.power' },
        ...{ subject: 'name-of-m_1', outcome: 'ok', detail: 'power on' },
      },
    ])
    expect(gateway.counters()).toEqual({ bmcs: 1, 'bmc_commands_total{class="power.hard",outcome="ok"}': 1 })
  })

  test('that fails is an error with its cause, in the log and the audit log too', async () => {
    world.failure = UNREACHABLE
    await expect(backEnd.perform('off', BY)).rejects.toThrow('it does not answer')
    expect(await texts()).toEqual(['warning: power off by admin (IPMI from 10.0.0.5) failed: it does not answer'])
    expect(world.deeds).toMatchObject([{ outcome: 'refused', detail: 'power off: it does not answer' }])
    expect(gateway.counters()).toMatchObject({ 'bmc_commands_total{class="power.hard",outcome="refused"}': 1 })
  })

  test('that was taken and not carried out is an error', async () => {
    world.outcome = Promise.resolve({ driver: 'bmc', confirmed: false, problems: 'the power is on after 15 s' })
    await expect(backEnd.perform('off', BY)).rejects.toMatchObject({ code: 'wrong-state' })
  })

  test('whose outcome takes long is answered, and what became of it is in the log', async () => {
    vi.useFakeTimers()
    try {
      let seen: (outcome: { driver: string; confirmed: boolean; problems: string }) => void = () => undefined
      world.outcome = new Promise((resolve) => {
        seen = resolve
      })
      const performed = backEnd.perform('off', BY)
      await vi.advanceTimersByTimeAsync(2000)
      await performed
      seen({ driver: 'bmc', confirmed: false, problems: 'bmc: the power is on after 15 s' })
      await vi.advanceTimersByTimeAsync(1)
      expect(await texts()).toEqual([
        'ok: power off by admin (IPMI from 10.0.0.5)',
        'warning: power off did not work: bmc took the order (power off), but it was not carried out: bmc: the power is on after 15 s',
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  test('that a driver never answers ends after 30 s', async () => {
    vi.useFakeTimers()
    try {
      const around = world.around()
      const silent = { ...around.powers, state: () => new Promise<never>(() => undefined) }
      const other = (await world.open({ powers: silent })).ofMachine('m_1')!
      const asked = expect(other.powerState()).rejects.toThrow('did not answer within 30 s')
      await vi.advanceTimersByTimeAsync(30_000)
      await asked
    } finally {
      vi.useRealTimers()
    }
  })

  test.each([
    [{ 'power.hard': 'none' }, 'power.hard of name-of-m_1 goes to nobody'],
    [{ 'power.hard': 'bmc' }, 'goes to its driver bmc, which is not there or cannot'],
    [{}, 'goes to its drivers, none of which can'],
  ] as const)('that nobody can do is not found: %o', async (routes, message) => {
    await route(routes)
    world.drivers.set('m_1', [])
    await expect(backEnd.perform('on', BY)).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining(message),
    })
    expect(world.asked).toEqual([])
  })

  test('of a cycle goes to those that can do it together', async () => {
    world.drivers.set('m_1', [world.driver('wake', 'wol', ['on']), world.driver('os', 'ssh', ['soft'])])
    await backEnd.perform('cycle', BY)
    expect(world.asked).toEqual(['m_1 any cycle'])
  })
})

describe('a boot order', () => {
  const disk = { device: 'disk', persistent: false, efi: true } as const

  test('is kept, read back, told to the stage that boots, and used up once', async () => {
    await backEnd.setBootOrder(disk, BY)
    expect(await backEnd.bootOrder()).toEqual(disk)
    const again = await world.open()
    const standing = again.bootFor('m_1')!
    expect(standing).toMatchObject({
      obeyed: 'disk',
      once: true,
      reason: 'admin (IPMI from 10.0.0.5) told its BMC that it is to boot its own disk once',
    })
    await again.obeyed('m_1', 'o_other')
    expect(again.get('m_1')!.bootOrder).toEqual(disk)
    await again.obeyed('m_1', standing.id)
    expect(again.get('m_1')).toMatchObject({ bootOrder: null, bootOrdered: null })
    expect(world.asked).toEqual([])
    expect(world.deeds).toMatchObject([{ action: 'bmc.boot-order', detail: 'boot its own disk, once' }])
  })

  test('that stays is not used up', async () => {
    await backEnd.setBootOrder({ ...disk, persistent: true }, BY)
    await gateway.obeyed('m_1', gateway.bootFor('m_1')!.id)
    expect(gateway.bootFor('m_1')?.once).toBe(false)
    await backEnd.setBootOrder(null, BY)
    expect(gateway.bootFor('m_1')).toBeUndefined()
  })

  test('is told to the firmware, too, by route, and is past when the firmware shows none', async () => {
    await route({ bootdev: 'bmc' })
    await backEnd.setBootOrder(disk, BY)
    expect(world.asked).toEqual(['m_1 bmc boot order disk'])
    world.firmware = disk
    expect(await backEnd.bootOrder()).toEqual(disk)
    world.firmware = null
    expect(await backEnd.bootOrder()).toBeNull()
    expect(backEnd.bmc.bootOrder).toBeNull()
  })

  test('that the firmware does not take is not kept', async () => {
    await route({ bootdev: 'drivers' })
    world.failure = UNREACHABLE
    await expect(backEnd.setBootOrder(disk, BY)).rejects.toThrow('it does not answer')
    expect(backEnd.bmc.bootOrder).toBeNull()
    expect(await backEnd.bootOrder()).toBeNull()
  })

  test('that only firmware can obey is refused, unless it is told', async () => {
    const setup = { device: 'setup', persistent: false, efi: false } as const
    await expect(backEnd.setBootOrder(setup, BY)).rejects.toMatchObject({ code: 'not-found' })
    await route({ bootdev: 'bmc' })
    await backEnd.setBootOrder(setup, BY)
    expect(gateway.bootFor('m_1')).toMatchObject({ obeyed: 'network' })
  })

  test('of a disc boots it once', async () => {
    await backEnd.setMedia('disc', BY)
    expect(backEnd.media()).toBe('disc')
    expect(gateway.bootFor('m_1')).toMatchObject({ obeyed: 'media', media: 'disc', once: true })
    await gateway.obeyed('m_1', gateway.bootFor('m_1')!.id)
    expect([gateway.bootFor('m_1'), backEnd.media()]).toEqual([undefined, 'disc'])
    await backEnd.setBootOrder({ device: 'cdrom', persistent: true, efi: false }, BY)
    expect(gateway.bootFor('m_1')).toMatchObject({ obeyed: 'media', once: false })
    await backEnd.setMedia(null, BY)
    expect([gateway.bootFor('m_1'), backEnd.media()]).toEqual([undefined, null])
    await expect(backEnd.setMedia('gone', BY)).rejects.toThrow('cannot boot gone: there is no such image')
    await route({ media: 'bmc' })
    await backEnd.setMedia('http://10.0.0.1/x.iso', BY)
    expect(world.asked).toEqual(['m_1 bmc media http://10.0.0.1/x.iso'])
  })
})

test('a disc whose address holds a password is refused, and written down nowhere', async () => {
  await expect(backEnd.setMedia('http://user:hidden@10.0.0.9/disc.iso', BY)).rejects.toMatchObject({
    code: 'validation-failed',
  })
  expect(backEnd.media()).toBeNull()
  expect(JSON.stringify([await texts(), world.deeds, world.traced, backEnd.bmc])).not.toContain('hidden')
})

describe('the log', () => {
  const failed = { kind: 'login', severity: 'warning', text: 'admin failed to log in' } as const

  test('keeps its newest entries, in the store too', async () => {
    for (let i = 1; i <= 20; i++) await backEnd.record({ kind: 'other', severity: 'ok', text: `event ${i}` })
    const events = await backEnd.events()
    expect(events.map(({ id }) => id)).toEqual(Array.from({ length: 16 }, (_, i) => i + 5))
    expect(world.rows.eventRows.get('m_1')).toEqual(events)
    expect(await (await world.open()).eventsOf('m_1')).toEqual(events)
    await backEnd.clearEvents(BY)
    expect([await backEnd.events(), world.rows.eventRows.size]).toEqual([[], 0])
    await backEnd.record({ kind: 'other', severity: 'ok', text: 'a\nb' })
    expect(await backEnd.events()).toMatchObject([{ id: 21, text: 'a b' }])
  })

  test('is not kept in memory, and whoever reads many gets what is so', async () => {
    for (let i = 0; i < 100; i++) {
      world.machines.set(`n_${i}`, { ...world.machines.get('m_2')!, id: `n_${i}`, tags: ['many'] })
    }
    const many = await world.open({ places: { firstPort: 7000, lastPort: 7999, host: '0.0.0.0', taken: [] } })
    await many.putRule({ name: 'many', tag: 'many', user: 'admin', routes: {} })
    for (let round = 1; round <= 2; round++)
      for (let i = 0; i < 100; i++) {
        await many.ofMachine(`n_${i}`)!.record({ kind: 'other', severity: 'ok', text: `round ${round}` })
        expect((await many.eventsOf(`n_${i}`)).map(({ text }) => text).at(-1)).toBe(`round ${round}`)
      }
    expect(await many.eventsOf('n_0')).toHaveLength(2)
  })

  test('counts failed logins beyond a rate instead of being filled by them', async () => {
    for (let i = 0; i < 15; i++) await backEnd.record(failed)
    expect(await texts()).toHaveLength(10)
    world.clock.advance(30_000)
    await backEnd.record(failed)
    expect((await texts()).at(-1)).toBe(
      'warning: admin failed to log in (before this, 5 failed logins were not written)',
    )
  })

  test('is by route that of a driver, read once for many entries', async () => {
    await route({ sel: 'bmc' })
    expect(await backEnd.events()).toEqual([
      { machine: 'm_1', id: 7, at: 0, kind: 'other', severity: 'critical', text: 'PSU: lost' },
    ])
    await backEnd.events()
    expect(world.asked).toEqual(['m_1 bmc events'])
    await backEnd.clearEvents(BY)
    await backEnd.events()
    expect(world.asked).toEqual(['m_1 bmc events', 'm_1 bmc clear events', 'm_1 bmc events'])
  })
})

describe('accounts by IPMI', () => {
  test('get name, privilege, password and leave to log in one after the other', async () => {
    await backEnd.setUser(3, { name: 'guest' }, BY)
    expect(backEnd.bmc.users[1]).toEqual({ slot: 3, name: 'guest', privilege: 'user', enabled: false, sealed: '' })
    expect(backEnd.passwordOf(backEnd.bmc.users[1]!)).toBeUndefined()
    await backEnd.setUser(3, { password: 'eight or more' }, BY)
    await backEnd.setUser(3, { privilege: 'operator', enabled: true }, BY)
    const user = backEnd.bmc.users[1]!
    expect(user).toMatchObject({ privilege: 'operator', enabled: true })
    expect(backEnd.passwordOf(user)).toBe('eight or more')
    await backEnd.setUser(3, { name: '' }, BY)
    expect(backEnd.bmc.users).toHaveLength(1)
    expect(JSON.stringify(world.deeds)).not.toContain('eight or more')
    expect(world.deeds.map(({ detail }) => detail)).toContain('user in slot 3: new password')
  })

  test.each([
    [1, { name: 'anonymous' }, 'users have the slots 2 to 15'],
    [16, { name: 'late' }, 'users have the slots 2 to 15'],
    [3, { password: 'eight or more' }, 'give it a name first'],
    [3, { name: 'admin' }, 'another user of this BMC is called admin'],
    [2, { password: 'short' }, '8 to 20 printable characters'],
  ])('in slot %i with %o are refused', async (slot, change, message) => {
    const before = backEnd.bmc
    await expect(backEnd.setUser(slot, change, BY)).rejects.toThrow(message)
    expect(backEnd.bmc).toEqual(before)
    expect(world.deeds).toMatchObject([{ outcome: 'refused' }])
  })
})

describe('the rest', () => {
  test('is asked of drivers, or told by Reveille', async () => {
    await backEnd.sensors()
    await backEnd.identify(15)
    expect(await backEnd.fru()).toMatchObject({ manufacturer: 'Acme', serial: 'S1', boardProduct: 'X11' })
    await route({ fru: 'bmc', raw: 'bmc' })
    await backEnd.fru()
    await backEnd.raw({ netFn: 0x30, lun: 0, command: 1, data: new Uint8Array(2) }, BY)
    expect(world.asked).toEqual(['m_1 any sensors', 'm_1 any identify 15', 'm_1 bmc fru', 'm_1 bmc raw'])
    expect(world.deeds).toMatchObject([{ action: 'bmc.raw', detail: 'netFn 0x30, command 0x1, 2 bytes' }])
  })

  test('raw requests go nowhere unless they are routed', async () => {
    const request = { netFn: 0x30, lun: 0, command: 1, data: new Uint8Array() }
    await expect(backEnd.raw(request, BY)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('the console is one more viewer who may type', async () => {
    const line = await backEnd.openConsole(BY)
    expect(world.viewers).toEqual([{ who: 'admin (BMC)', via: 'ipmi', mayType: true }])
    line.close()
    await route({ console: 'none' })
    await expect(backEnd.openConsole(BY)).rejects.toMatchObject({ code: 'not-found' })
    expect(world.deeds.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
      'bmc.console ok',
      'bmc.console refused',
    ])
  })
})
