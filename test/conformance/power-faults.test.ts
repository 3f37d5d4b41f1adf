import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SILENT } from '../../src/kit/log.ts'
import type { RestartNote } from '../../src/power/driver.ts'
import { ipmiDrivers } from '../../src/power/drivers/ipmi/driver.ts'
import { redfishDrivers } from '../../src/power/drivers/redfish/redfish.ts'
import { stepText } from '../../src/power/outcome.ts'
import type { PowerAction } from '../../src/power/power.ts'
import { type Powers, Powers as Service } from '../../src/power/powers.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { CHASSIS_CONTROLS } from '../../src/protocols/ipmi/chassis.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import type { BmcFaults } from '../fakes/bmc-simulator.ts'
import { FAKE_SEALER, FakeDriver, MemoryPower } from '../fakes/power.ts'
import { MACHINE } from '../fakes/powers-bed.ts'
import { redfishService } from '../fakes/redfish-service.ts'
import { serveSimulator } from '../fakes/simulated-bmcs.ts'

/**
 * A machine with two ways to switch it: a BMC with each fault that BMCs have, asked by the real clients over the network, and an outlet
 * that works. Whatever the BMC does, the machine ends as it was ordered and loses its power no more than once, and a BMC that did not
 * do its part is named.
 */

/** A power cycle takes its time, longer than IPMI wants it at least; in milliseconds. */
const OFF_MS = 1500

class Computer {
  isOn = true
  cuts = 0

  set(isOn: boolean): void {
    if (this.isOn && !isOn) this.cuts++
    this.isOn = isOn
  }

  cycle(): void {
    this.set(false)
    setTimeout(() => this.set(true), OFF_MS)
  }

  obey(action: string): void {
    if (action === 'cycle') this.cycle()
    else if (action === 'on' || action === 'off') this.set(action === 'on')
  }
}

class Outlet extends FakeDriver {
  readonly #computer: Computer

  constructor(computer: Computer) {
    super({ kind: 'http', actions: ['on', 'off', 'cycle'] })
    this.#computer = computer
  }

  override state = async () => (this.#computer.isOn ? ('on' as const) : ('off' as const))

  override async perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    this.done.push(action)
    if (action === 'cycle') note?.('shows-off')
    this.#computer.obey(action)
  }
}

type Fault = Readonly<{
  kind: 'ipmi' | 'redfish'
  obeys?: (action: string) => boolean
  packets?: BmcFaults
  lost?: boolean
}>
const FAULTS = {
  'drops 30 % of what comes and goes': { kind: 'ipmi', packets: { dropRequests: 0.3, dropAnswers: 0.3 } },
  'answers late': { kind: 'ipmi', packets: { delay: () => 700 } },
  'says everything twice': { kind: 'ipmi', packets: { duplicateAnswers: 1 } },
  'forgets its sessions': { kind: 'ipmi', packets: { forgetsAfter: 2 } },
  'freezes when packets come fast': { kind: 'ipmi', packets: { freeze: { burstMs: 3, freezeMs: 1500 } } },
  'says yes and does nothing': { kind: 'ipmi', obeys: () => false },
  'says yes to cycles and does none': { kind: 'ipmi', obeys: (action) => action !== 'cycle' },
  'is dead': { kind: 'ipmi', packets: { dropRequests: 1 } },
  'speaks Redfish well': { kind: 'redfish' },
  'speaks Redfish, says 204 and does nothing': { kind: 'redfish', obeys: () => false },
  'speaks Redfish, says 204 to cycles and does none': { kind: 'redfish', obeys: (action) => action !== 'cycle' },
  'speaks Redfish, does it and hangs up': { kind: 'redfish', lost: true },
} as const satisfies Record<string, Fault>
type FaultName = keyof typeof FAULTS
/** Of these the BMC cannot have done anything. */
const USELESS = new Set<FaultName>([
  'says yes and does nothing',
  'is dead',
  'speaks Redfish, says 204 and does nothing',
])
/** These say yes to a cycle. */
const LIARS = new Set<FaultName>([
  'says yes and does nothing',
  'says yes to cycles and does none',
  'speaks Redfish, says 204 and does nothing',
  'speaks Redfish, says 204 to cycles and does none',
])

const ends: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function ipmiBmc(computer: Computer, { obeys = () => true, packets = {} }: Fault) {
  const answer = (...data: number[]) => ({ completionCode: 0, data: Uint8Array.from(data) })
  const served = await serveSimulator({
    faults: packets,
    commands: {
      '00:01': () => answer(computer.isOn ? 1 : 0, 0, 0),
      '00:02': ({ data }) => {
        const action = CHASSIS_CONTROLS[data[0]! & 0x0f]!
        if (obeys(action)) computer.obey(action)
        return answer()
      },
    },
  })
  const place = { address: '127.0.0.1', port: served.port, user: 'admin', cipherSuite: '17' }
  ends.push(() => served.close())
  return { settings: DriverSettings.parse({ kind: 'ipmi', ...place }), secrets: { password: 'secret' } }
}

const REDFISH_ACTIONS: Readonly<Record<string, string>> = { On: 'on', ForceOff: 'off', PowerCycle: 'cycle' }

async function redfishBmc(computer: Computer, { obeys = () => true, lost = false }: Fault) {
  const service = await redfishService()
  const reset = (service.system.Actions as Record<string, Record<string, unknown>>)['#ComputerSystem.Reset']!
  reset['ResetType@Redfish.AllowableValues'] = Object.keys(REDFISH_ACTIONS)
  service.before = ({ method, body }) => {
    service.system.PowerState = computer.isOn ? 'On' : 'Off'
    if (method !== 'POST') return undefined
    const action = REDFISH_ACTIONS[String((JSON.parse(body) as { ResetType: string }).ResetType)]!
    if (obeys(action)) computer.obey(action)
    return lost ? { hangUp: true } : { status: 204 }
  }
  ends.push(() => service.stop())
  return { settings: DriverSettings.parse({ kind: 'redfish', url: service.url }), secrets: null }
}

async function bed(fault: Fault) {
  const computer = new Computer()
  const outlet = new Outlet(computer)
  const ipmi = ipmiDrivers({ cryptography: IPMI_CRYPTOGRAPHY, log: SILENT })
  const redfish = redfishDrivers({ clock: Date, log: SILENT })
  const powers = await Service.open({
    repository: new MemoryPower(),
    sealer: FAKE_SEALER,
    factories: { ipmi: ipmi.factory, redfish: redfish.factory, http: () => outlet },
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
    patience: { watchMs: 3000, offMs: 4000 },
  })
  const bmc = await (fault.kind === 'ipmi' ? ipmiBmc(computer, fault) : redfishBmc(computer, fault))
  await powers.putDriver(MACHINE, 'bmc', bmc, 'ada')
  const plug = DriverSettings.parse({ kind: 'http', url: 'https://outlet.example' })
  await powers.putDriver(MACHINE, 'outlet', { settings: plug, secrets: null }, 'ada')
  ends.push(async () => {
    await powers.stop()
    await Promise.all([ipmi.close(), redfish.close()])
  })
  return { powers, computer, outlet }
}

type Told = Awaited<ReturnType<Powers['perform']>>
const ACTIONS = ['off', 'cycle'] as const
const FAULTY = Object.keys(FAULTS) as FaultName[]
const told = new Map<string, Told & { isOn: boolean; cuts: number; byOutlet: readonly string[] }>()

async function tried(action: (typeof ACTIONS)[number], name: FaultName): Promise<void> {
  const { powers, computer, outlet } = await bed(FAULTS[name])
  let report = await powers.perform(MACHINE, action, { wait: 6 })
  // On a busy computer a liar may not be looked at often enough to tell.
  while (LIARS.has(name) && action === 'cycle' && report.steps?.length === 1)
    report = await powers.perform(MACHINE, action, { wait: 6 })
  while (action === 'cycle' && !computer.isOn) await sleep(50)
  told.set(`${action} ${name}`, { ...report, ...computer, byOutlet: [...outlet.done] })
}

// All at once, for they do little but wait.
beforeAll(() => Promise.all(ACTIONS.flatMap((action) => FAULTY.map((name) => tried(action, name)))))

test.each(FAULTY)('off by a BMC that %s', (name) => {
  const { isOn, state, byOutlet, problems, confirmed } = told.get(`off ${name}`)!
  expect(isOn).toBe(false)
  const named = problems.map(({ driver }) => driver)
  if (byOutlet.length > 0) expect(named, 'whoever escalates says why').toContain('bmc')
  if (USELESS.has(name)) expect(byOutlet).toEqual(['off'])
  // It is off in any case; one that loses too much may not have told so in time, and then that is said.
  expect([confirmed, state]).toEqual(confirmed === true ? [true, 'off'] : [null, 'unknown'])
  if (confirmed === null) expect(named).toContain('bmc')
})

describe('cycle', () => {
  test.each(FAULTY)('by a BMC that %s', (name) => {
    const { isOn, cuts, state, byOutlet, problems, confirmed, steps = [] } = told.get(`cycle ${name}`)!
    expect(isOn).toBe(true)
    expect(cuts, 'nothing loses its power twice').toBeLessThanOrEqual(1)
    if (byOutlet.length > 0) expect(problems.map(({ driver }) => driver)).toContain('bmc')
    if (name === 'is dead') expect(byOutlet).toContain('cycle')
    for (const { cause } of problems) expect(cause).not.toContain('secret')
    if (confirmed === true) expect([state, cuts]).toEqual(['on', 1])
    // What nobody saw is never called done, and why it cannot be told is said.
    else
      expect([confirmed, steps.at(-1)?.said]).toEqual([
        null,
        expect.stringMatching(/tells whether|cannot be read|was seen off/),
      ])
  })

  test.each([...LIARS])('a BMC that %s is found out, and the machine restarted all the same', (name) => {
    const { cuts, byOutlet, confirmed, state, steps = [] } = told.get(`cycle ${name}`)!
    expect([confirmed, state, cuts]).toEqual([true, 'on', 1])
    const isUseless = USELESS.has(name)
    expect(byOutlet).toEqual(isUseless ? ['off', 'on'] : [])
    expect(steps.map(stepText)).toEqual([
      expect.stringMatching(/^power cycle by bmc: its power was on at each of \d+ looks/),
      ...(isUseless ? ['off by bmc: the power is on after 4 s'] : []),
      `off by ${isUseless ? 'outlet' : 'bmc'}: the power is off`,
      `on by ${isUseless ? 'outlet' : 'bmc'}: the power is on`,
    ])
  })

  test('a BMC that did it and lost its answer is not helped by a second cut', () => {
    const { byOutlet, cuts, confirmed } = told.get('cycle speaks Redfish, does it and hangs up')!
    expect([byOutlet, cuts, confirmed]).toEqual([[], 1, true])
  })
})
