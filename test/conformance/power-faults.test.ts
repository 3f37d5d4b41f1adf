import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SILENT } from '../../src/kit/log.ts'
import { ipmiDrivers } from '../../src/power/drivers/ipmi/driver.ts'
import type { PowerAction } from '../../src/power/power.ts'
import { type Powers, Powers as Service } from '../../src/power/powers.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import type { BmcFaults } from '../fakes/bmc-simulator.ts'
import { FAKE_SEALER, FakeDriver, MemoryPower } from '../fakes/power.ts'
import { MACHINE } from '../fakes/powers-bed.ts'
import { type ServedSimulator, serveSimulator } from '../fakes/simulated-bmcs.ts'

/**
 * A machine with two ways to switch it: a BMC with each fault that BMCs have, asked by the real client over UDP, and an outlet that
 * works. Whatever the BMC does, the machine ends as it was ordered, and a BMC that did not do its part is named.
 */

/** The outlet, and the one state that machine, BMC and outlet share. */
class Outlet extends FakeDriver {
  readonly #served: ServedSimulator

  constructor(served: ServedSimulator) {
    super({ kind: 'http', actions: ['on', 'off', 'cycle'] })
    this.#served = served
  }

  override state = async () => (this.#served.bmc.isOn ? ('on' as const) : ('off' as const))

  override async perform(action: PowerAction): Promise<void> {
    this.done.push(action)
    if (action === 'cycle') {
      this.#served.bmc.isOn = false
      setTimeout(() => {
        this.#served.bmc.isOn = true
      }, 700)
    } else this.#served.bmc.isOn = action === 'on'
  }
}

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function bed(faults: BmcFaults) {
  const served = await serveSimulator({ faults })
  const outlet = new Outlet(served)
  const client = ipmiDrivers({ cryptography: IPMI_CRYPTOGRAPHY, log: SILENT })
  const powers = await Service.open({
    repository: new MemoryPower(),
    sealer: FAKE_SEALER,
    factories: { ipmi: client.factory, http: () => outlet },
    builtIn: () => [],
    machine: () => MACHINE,
    machines: () => [MACHINE],
    addressOf: () => null,
    seenSince: () => false,
    events: { publish: () => undefined },
    clock: Date,
    pollSeconds: 0,
    concurrency: 16,
    sleep,
    random: Math.random,
  })
  const settings = DriverSettings.parse({
    kind: 'ipmi',
    address: '127.0.0.1',
    port: served.port,
    user: 'admin',
    cipherSuite: '17',
  })
  await powers.putDriver(MACHINE, 'bmc', { settings, secrets: { password: 'secret' } }, 'ada')
  const plug = DriverSettings.parse({ kind: 'http', url: 'https://outlet.example' })
  await powers.putDriver(MACHINE, 'outlet', { settings: plug, secrets: null }, 'ada')
  ends.push(async () => {
    await powers.stop()
    await client.close()
    await served.close()
  })
  return { powers, served, outlet }
}

type Told = Awaited<ReturnType<Powers['perform']>>
const FAULTS = {
  'drops 30 % of what comes and goes': { dropRequests: 0.3, dropAnswers: 0.3 },
  'answers late': { delay: () => 700 },
  'says everything twice': { duplicateAnswers: 1 },
  'forgets its sessions': { forgetsAfter: 2 },
  'freezes when packets come fast': { freeze: { burstMs: 3, freezeMs: 1500 } },
  'says yes and does nothing': { ignoresPower: true },
  'is dead': { dropRequests: 1 },
} satisfies Record<string, BmcFaults>
type Fault = keyof typeof FAULTS
/** Of these the BMC cannot have done it. */
const USELESS: readonly Fault[] = ['says yes and does nothing', 'is dead']

const ACTIONS = ['off', 'cycle'] as const
const FAULTY = Object.keys(FAULTS) as Fault[]
const told = new Map<string, Told & { isOn: boolean; byOutlet: readonly string[] }>()

async function tried(action: (typeof ACTIONS)[number], fault: Fault): Promise<void> {
  const { powers, served, outlet } = await bed(FAULTS[fault])
  served.bmc.isOn = true
  const report = await powers.perform(MACHINE, action, { wait: 6 })
  while (action === 'cycle' && !served.bmc.isOn) await sleep(50)
  told.set(`${action} ${fault}`, { ...report, isOn: served.bmc.isOn, byOutlet: [...outlet.done] })
}

// All at once, for they do little but wait.
beforeAll(() => Promise.all(ACTIONS.flatMap((action) => FAULTY.map((fault) => tried(action, fault)))))

describe.each(ACTIONS)('%s', (action) => {
  test.each(FAULTY)('by a BMC that %s', (fault) => {
    const { isOn, state, byOutlet, problems, confirmed } = told.get(`${action} ${fault}`)!
    expect(isOn).toBe(action === 'cycle')
    const named = problems.map(({ driver }) => driver)
    if (byOutlet.length > 0) expect(named, 'whoever escalates says why').toContain('bmc')
    if (USELESS.includes(fault) && action === 'off') expect(byOutlet).toEqual(['off'])
    if (fault === 'is dead') expect(byOutlet).toContain(action)
    // It is off in any case; one that loses too much may not have told so in time, and then that is said.
    if (action === 'off') {
      expect([confirmed, state]).toEqual(confirmed === true ? [true, 'off'] : [null, 'unknown'])
      if (confirmed === null) expect(named).toContain('bmc')
    }
    // A liar that stays on cannot be told from one that was too quick to be seen off: never is that called done.
    else if (byOutlet.length === 0) expect(confirmed).toBeNull()
    for (const { cause } of problems) expect(cause).not.toContain('secret')
  })
})
