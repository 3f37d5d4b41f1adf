import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeaseDisk } from '../../test/fakes/lease-disk.ts'
import { ManualClock } from '../kit/clock.ts'
import { formatIpv4, type Ipv4, ipv4, parseIpv4, parseSubnet } from '../kit/ip.ts'
import type { Mac } from '../kit/mac.ts'
import type { Lease } from './lease.ts'
import { type Asker, Leases, OFFER_HOLD_MS, QUARANTINE_MS } from './leases.ts'
import type { Network } from './network.ts'
import { Reservations } from './reservations.ts'

const at = (text: string) => parseIpv4(text)!

function network(first: string, last: string, over: Partial<Network> = {}): Network {
  return {
    name: 'lan',
    subnet: parseSubnet('10.0.0.0/24')!,
    interface: 'eth0',
    ranges: [{ first: at(first), last: at(last) }],
    router: at('10.0.0.1'),
    dns: [],
    ntp: [],
    domain: null,
    leaseSeconds: 600,
    relay: null,
    ...over,
  }
}

const macOf = (number: number) => `52:54:00:00:00:${number.toString(16).padStart(2, '0')}` as Mac

function asker(lan: Network, number: number): Asker {
  return { network: lan, client: macOf(number), mac: macOf(number) }
}

function leaseOf({ network: lan, client, mac }: Asker, ip: Ipv4, now: number): Lease {
  return {
    ip,
    network: lan.name,
    client,
    mac,
    hostname: null,
    state: 'bound',
    startedAt: now,
    expiresAt: now + lan.leaseSeconds * 1000,
  }
}

async function setUp(lan: Network, reservations = new Reservations(), disk = new LeaseDisk()) {
  const clock = new ManualClock()
  const open = () => Leases.open({ repository: disk, clock, networks: [lan], reservations })
  const leases = await open()
  const bind = async (number: number, ip: Ipv4) =>
    leases.apply({ kind: 'bind', lease: leaseOf(asker(lan, number), ip, clock.now()) })
  const chosen = (number: number, requested?: string) => {
    const choice = leases.choose(asker(lan, number), requested === undefined ? undefined : at(requested))
    return choice.ip === null ? choice.why : `${choice.why} ${formatIpv4(choice.ip)}`
  }
  return { clock, leases, bind, chosen, disk, open, ask: (number: number) => asker(lan, number) }
}

it('a network that moved to another subnet offers none of the addresses it gave before', async () => {
  const old = network('10.0.0.10', '10.0.0.20')
  const disk = new LeaseDisk()
  disk.saved.set(at('10.0.0.10'), leaseOf(asker(old, 1), at('10.0.0.10'), 0))
  const ranges = [{ first: at('10.9.0.10'), last: at('10.9.0.20') }]
  const moved = network('10.9.0.10', '10.9.0.20', { subnet: parseSubnet('10.9.0.0/24')!, ranges, router: null })
  const { leases } = await setUp(moved, new Reservations(), disk)
  expect(leases.permit(asker(moved, 1), at('10.0.0.10'))).toMatchObject({ granted: false, conflict: true })
  expect(leases.choose(asker(moved, 1), at('10.0.0.10'))).toEqual({ ip: at('10.9.0.10'), why: 'free' })
})

describe('the choice of an address (RFC 2131 §4.3.1)', () => {
  const lan = network('10.0.0.10', '10.0.0.12')

  it('gives free ones in order, each to one client while it is offered', async () => {
    const { leases, chosen, ask } = await setUp(lan)
    expect(chosen(1)).toBe('free 10.0.0.10')
    leases.hold(ask(1), at('10.0.0.10'))
    expect(chosen(2)).toBe('free 10.0.0.11')
    expect(chosen(1)).toBe('free 10.0.0.10')
  })

  it('honours a requested address that is free and in the range', async () => {
    const { leases, chosen, ask } = await setUp(lan)
    expect(chosen(1, '10.0.0.12')).toBe('requested 10.0.0.12')
    leases.hold(ask(1), at('10.0.0.12'))
    expect(chosen(2, '10.0.0.12')).toBe('free 10.0.0.10')
    expect(chosen(2, '10.0.0.200')).toBe('free 10.0.0.10')
    expect(chosen(2, '192.168.7.7')).toBe('free 10.0.0.10')
  })

  it('gives a client the address it has, and later the one it had', async () => {
    const { bind, chosen, clock } = await setUp(lan)
    await bind(1, at('10.0.0.11'))
    expect(chosen(1, '10.0.0.12')).toBe('current 10.0.0.11')
    clock.advance(600_000)
    expect(chosen(1)).toBe('former 10.0.0.11')
  })

  it('takes ended leases again, the longest unused first, and only when nothing else is free', async () => {
    const { bind, chosen, clock, leases } = await setUp(lan)
    await bind(1, at('10.0.0.10'))
    clock.advance(1000)
    await bind(2, at('10.0.0.11'))
    await leases.apply({ kind: 'release', ip: at('10.0.0.11') })
    expect(chosen(3)).toBe('free 10.0.0.12')
    await bind(3, at('10.0.0.12'))
    expect(chosen(4)).toBe('free 10.0.0.11')
    await bind(4, at('10.0.0.11'))
    expect(chosen(5)).toBe('all 3 addresses of network lan are in use')
    clock.advance(600_000)
    expect(chosen(5)).toBe('free 10.0.0.10')
  })

  it('lets an offer go that nobody took', async () => {
    const { leases, chosen, ask, clock, bind } = await setUp(lan)
    await bind(8, at('10.0.0.11'))
    await bind(9, at('10.0.0.12'))
    leases.hold(ask(1), at('10.0.0.10'))
    expect(chosen(2)).toMatch(/^all 3/)
    clock.advance(OFFER_HOLD_MS)
    expect(chosen(2)).toBe('free 10.0.0.10')
  })

  it('lets an offer go at once when the client took another server', async () => {
    const { leases, chosen, ask } = await setUp(lan)
    leases.hold(ask(1), at('10.0.0.10'))
    leases.drop(ask(1))
    expect(chosen(2)).toBe('free 10.0.0.10')
  })

  it('never gives the router, our own, the first or the last address of a subnet', async () => {
    const whole = network('10.0.0.0', '10.0.0.255', { subnet: parseSubnet('10.0.0.0/24')! })
    const { leases, chosen, bind, ask } = await setUp(whole)
    leases.exclude(at('10.0.0.2'))
    expect(chosen(1)).toBe('free 10.0.0.3')
    expect(leases.permit(ask(1), at('10.0.0.255')).granted).toBe(false)
    expect(leases.permit(ask(1), at('10.0.0.0')).granted).toBe(false)
    expect(leases.permit(ask(1), at('10.0.0.1')).granted).toBe(false)
    for (let last = 3; last <= 254; last += 1) await bind(last, at(`10.0.0.${last}`))
    expect(chosen(0)).toMatch(/^all 256/)
  })

  it('finds a free address of a /8 without walking it', async () => {
    const huge = network('10.0.0.2', '10.255.255.254', { subnet: parseSubnet('10.0.0.0/8')! })
    const { leases } = await setUp(huge)
    // Walking it would take days, and the test's time would be over.
    for (let number = 0; number < 20_000; number += 1) {
      const who = { network: huge, client: `id:${number}`, mac: macOf(number & 255) }
      const choice = leases.choose(who, undefined)
      leases.hold(who, choice.ip!)
    }
  })
})

describe('reservations', () => {
  const lan = network('10.0.0.10', '10.0.0.11')
  const fixed = (ip: string, macs = [macOf(1)]) => new Reservations([{ id: 'm_1', macs, ip }])

  it('are given to their machine whatever it asks for, also outside of the ranges', async () => {
    const { chosen } = await setUp(lan, fixed('10.0.0.77'))
    expect(chosen(1, '10.0.0.10')).toBe('reserved 10.0.0.77')
  })

  it('are given to nobody else', async () => {
    const { chosen, leases, ask } = await setUp(lan, fixed('10.0.0.10'))
    expect(chosen(2, '10.0.0.10')).toBe('free 10.0.0.11')
    expect(leases.permit(ask(2), at('10.0.0.10'))).toMatchObject({ granted: false, conflict: true })
  })

  it('serve all client identifiers of one MAC, because firmware and system differ', async () => {
    const { leases, bind, ask } = await setUp(lan, fixed('10.0.0.77'))
    await bind(1, at('10.0.0.77'))
    expect(leases.permit({ ...ask(1), client: 'id:ff01' }, at('10.0.0.77')).granted).toBe(true)
  })

  it('serve one of two network cards at a time', async () => {
    const { chosen, bind } = await setUp(lan, fixed('10.0.0.77', [macOf(1), macOf(2)]))
    await bind(1, at('10.0.0.77'))
    expect(chosen(1)).toBe('reserved 10.0.0.77')
    expect(chosen(2)).toBe('free 10.0.0.10')
  })

  it('follow changes of machines, and what is lifted is found again', async () => {
    const reservations = fixed('10.0.0.10')
    const { chosen, bind } = await setUp(lan, reservations)
    await bind(5, at('10.0.0.11'))
    expect(chosen(2)).toMatch(/^all 2/)
    reservations.update('m_1', { id: 'm_1', macs: [macOf(1)], ip: '10.0.0.78' })
    expect(chosen(1)).toBe('reserved 10.0.0.78')
    reservations.update('m_1', undefined)
    expect(reservations.ownersOf(at('10.0.0.78'))).toBeUndefined()
    expect(reservations.addressOf(macOf(1))).toBeUndefined()
  })

  it('say so when a network has nothing else', async () => {
    const { chosen } = await setUp(network('10.0.0.10', '10.0.0.10', { ranges: [] }))
    expect(chosen(1)).toBe(`network lan has reserved addresses only and none for ${macOf(1)}`)
  })
})

describe('declined addresses', () => {
  it('are kept from everyone for an hour', async () => {
    const lan = network('10.0.0.10', '10.0.0.10')
    const { leases, chosen, clock, bind, ask } = await setUp(lan)
    await bind(1, at('10.0.0.10'))
    await leases.apply({ kind: 'decline', ip: at('10.0.0.10'), network: 'lan', client: macOf(1), mac: macOf(1) })
    expect(leases.permit(ask(1), at('10.0.0.10'))).toMatchObject({ granted: false })
    expect(chosen(2)).toMatch(/^all 1/)
    clock.advance(QUARANTINE_MS)
    expect(chosen(2)).toBe('free 10.0.0.10')
  })
})

describe('durability', () => {
  it('gives a declined address to nobody while that is being saved, nor to its client of before', async () => {
    const { leases, bind, disk, ask, chosen } = await setUp(network('10.0.0.10', '10.0.0.12'))
    let open = () => {}
    disk.gate = new Promise((resolve) => {
      open = resolve
    })
    const ip = at('10.0.0.10')
    const binding = bind(1, ip)
    const declining = leases.apply({ kind: 'decline', ip, network: 'lan', client: 'mac:x', mac: macOf(9) })
    for (const client of [1, 2, 9]) {
      expect(leases.permit(ask(client), ip).granted).toBe(false)
      expect(chosen(client)).toBe('free 10.0.0.11')
    }
    open()
    await Promise.all([binding, declining])
    expect(leases.at(ip)?.state).toBe('declined')
    expect(chosen(1)).toBe('free 10.0.0.11')
  })

  const lan = network('10.0.0.10', '10.0.0.250')

  it('resolves after the commit, and gives the address to nobody meanwhile', async () => {
    const { leases, bind, disk, ask } = await setUp(lan)
    let open = () => {}
    disk.gate = new Promise((resolve) => {
      open = resolve
    })
    let done = false
    const binding = bind(1, at('10.0.0.10')).then(() => {
      done = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(done).toBe(false)
    expect(leases.at(at('10.0.0.10'))).toBeUndefined()
    expect(leases.permit(ask(2), at('10.0.0.10')).granted).toBe(false)
    open()
    await binding
    expect(disk.saved.get(at('10.0.0.10'))?.client).toBe(macOf(1))
  })

  it('puts many leases into one commit', async () => {
    const { bind, disk } = await setUp(lan)
    await Promise.all(Array.from({ length: 100 }, (_, i) => bind(i, at(`10.0.0.${10 + i}`))))
    expect(disk.saved.size).toBe(100)
    expect(disk.commits).toBeLessThan(5)
  })

  it('changes nothing when the commit fails, and goes on afterwards', async () => {
    const { bind, chosen, disk, leases } = await setUp(lan)
    disk.failing = true
    await expect(bind(1, at('10.0.0.10'))).rejects.toThrow('disk full')
    expect(leases.at(at('10.0.0.10'))).toBeUndefined()
    expect(chosen(2)).toBe('free 10.0.0.10')
    disk.failing = false
    await bind(1, at('10.0.0.10'))
    expect(leases.at(at('10.0.0.10'))?.client).toBe(macOf(1))
  })

  it('knows every lease again after a restart, and remembers renamed networks by their subnet', async () => {
    const { bind, disk, clock } = await setUp(lan)
    await bind(1, at('10.0.0.40'))
    const renamed = { ...lan, name: 'office' }
    const leases = await Leases.open({ repository: disk, clock, networks: [renamed] })
    expect(leases.choose(asker(renamed, 1), undefined)).toEqual({ ip: at('10.0.0.40'), why: 'current' })
    expect(leases.usage('office')).toEqual({ used: 1, size: 241 })
  })

  it('frees the address that a client leaves for another one', async () => {
    const { bind, leases } = await setUp(lan)
    await bind(1, at('10.0.0.10'))
    await bind(1, at('10.0.0.20'))
    expect(leases.at(at('10.0.0.10'))?.state).toBe('released')
    expect(leases.usage('lan').used).toBe(1)
  })

  it('finds the leases of a MAC, as long as they are its', async () => {
    const { bind, leases, clock } = await setUp(lan)
    await bind(1, at('10.0.0.10'))
    await bind(1, at('10.0.0.20'))
    expect(leases.ofMac(macOf(1)).map(({ ip, state }) => [formatIpv4(ip), state])).toEqual([
      ['10.0.0.10', 'released'],
      ['10.0.0.20', 'bound'],
    ])
    await bind(2, at('10.0.0.10'))
    expect(leases.ofMac(macOf(1)).map(({ ip }) => formatIpv4(ip))).toEqual(['10.0.0.20'])
    clock.advance(31 * 86_400_000)
    await leases.prune()
    expect([leases.ofMac(macOf(1)), leases.ofMac(macOf(2))]).toEqual([[], []])
  })

  it('forgets what ended a month ago', async () => {
    const { bind, leases, clock, disk } = await setUp(lan)
    await bind(1, at('10.0.0.10'))
    clock.advance(31 * 86_400_000)
    await bind(2, at('10.0.0.11'))
    await leases.prune()
    expect([...disk.saved.keys()]).toEqual([at('10.0.0.11')])
    expect(leases.all()).toHaveLength(1)
  })
})

/** What a client does in the model: the whole conversation is there, so that offers, requests and time interleave freely. */
const step = fc.oneof(
  fc.record({ do: fc.constant('discover' as const), who: fc.nat(7), wants: fc.option(fc.nat(9)) }),
  fc.record({ do: fc.constant('request' as const), who: fc.nat(7), wants: fc.nat(9) }),
  fc.record({ do: fc.constant('release' as const), who: fc.nat(7), wants: fc.nat(9) }),
  fc.record({ do: fc.constant('decline' as const), who: fc.nat(7), wants: fc.nat(9) }),
  fc.record({ do: fc.constant('wait' as const), seconds: fc.nat(700) }),
  fc.record({ do: fc.constant('settle' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
)

describe('whatever happens', () => {
  it('no address belongs to two clients at once, and nothing acknowledged is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
        const lan = network('10.0.0.10', '10.0.0.15')
        const reservations = new Reservations([{ id: 'm_0', macs: [macOf(0)], ip: '10.0.0.12' }])
        const world = await setUp(lan, reservations)
        let { leases } = world
        const { clock, disk } = world
        /** What clients believe: an address is theirs from the ACK until it ends. */
        const belief = new Map<Ipv4, { client: string; until: number }>()
        const address = (number: number) => ipv4(at('10.0.0.10') + number)
        let acks: Promise<unknown>[] = []
        for (const each of steps) {
          const now = clock.now()
          if (each.do === 'wait') clock.advance(each.seconds * 1000)
          else if (each.do === 'settle' || each.do === 'restart') {
            await Promise.all(acks)
            acks = []
            if (each.do === 'restart')
              leases = await Leases.open({ repository: disk, clock, networks: [lan], reservations })
          } else {
            const who = asker(lan, each.who)
            if (each.do === 'discover') {
              const choice = leases.choose(who, each.wants === null ? undefined : address(each.wants))
              if (choice.ip === null) continue
              const owner = belief.get(choice.ip)
              expect(!owner || owner.client === who.client || owner.until <= now).toBe(true)
              leases.hold(who, choice.ip)
            } else if (each.do === 'request') {
              const ip = address(each.wants)
              if (!leases.permit(who, ip).granted) continue
              const lease = leaseOf(who, ip, now)
              acks.push(
                leases.apply({ kind: 'bind', lease })!.then(() => {
                  const owner = belief.get(ip)
                  expect(!owner || owner.client === who.client || owner.until <= lease.startedAt).toBe(true)
                  // A client that took another address has left the one it had.
                  for (const [other, { client }] of belief) if (client === who.client) belief.delete(other)
                  belief.set(ip, { client: who.client, until: lease.expiresAt })
                }),
              )
            } else {
              const ip = address(each.wants)
              await Promise.all(acks)
              if (belief.get(ip)?.client !== who.client || belief.get(ip)!.until <= now) continue
              belief.delete(ip)
              if (each.do === 'release') await leases.apply({ kind: 'release', ip })
              else await leases.apply({ kind: 'decline', ip, network: 'lan', client: who.client, mac: who.mac })
            }
          }
        }
        await Promise.all(acks)
        for (const [ip, { client, until }] of belief)
          if (until > clock.now()) expect(disk.saved.get(ip)).toMatchObject({ client, state: 'bound' })
      }),
      { numRuns: 200 },
    )
  })
})
