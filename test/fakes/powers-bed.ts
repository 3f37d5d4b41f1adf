import { ManualClock } from '../../src/kit/clock.ts'
import { Refusal } from '../../src/kit/errors.ts'
import type { Mac } from '../../src/kit/mac.ts'
import { stepText } from '../../src/power/outcome.ts'
import { Powers } from '../../src/power/powers.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { FAKE_SEALER, FakeDriver, fakeFactory, MemoryPower } from './power.ts'

export const MACHINE = { id: 'm_1', name: 'pc1', macs: ['52:54:00:00:00:01' as Mac] }
export const IPMI = DriverSettings.parse({ kind: 'ipmi', address: '10.0.0.9', user: 'admin' })
export const SSH = DriverSettings.parse({ kind: 'ssh' })
export const HTTP = DriverSettings.parse({ kind: 'http', url: 'https://cloud.example' })
export const silent = () => new Refusal('not-available', 'it does not answer')

/** The drivers of one machine, and what they were asked. */
export class PowersBed {
  readonly clock = new ManualClock()
  bmc = new FakeDriver({ kind: 'ipmi' })
  ssh = new FakeDriver({ kind: 'ssh', actions: ['soft'] })
  cloud = new FakeDriver({ kind: 'http' })
  lab: FakeDriver | undefined
  rows = new MemoryPower()
  events: string[] = []
  seen = false
  startsHere = false
  marks: string[] = []
  factories: Record<'ipmi' | 'ssh' | 'http', ReturnType<typeof fakeFactory>> = {
    ipmi: fakeFactory(this.bmc),
    ssh: fakeFactory(this.ssh),
    http: fakeFactory(this.cloud),
  }

  open(more: { pollSeconds?: number; sleep?: (ms: number) => Promise<void> } = {}): Promise<Powers> {
    return Powers.open({
      repository: this.rows,
      sealer: FAKE_SEALER,
      factories: this.factories,
      builtIn: () => (this.lab ? [{ name: 'lab', kind: 'lab', make: () => this.lab! }] : []),
      machine: (id) => (id === MACHINE.id ? MACHINE : undefined),
      machines: () => [MACHINE],
      addressOf: () => '10.0.0.7',
      seenSince: () => this.seen,
      startsHere: () => this.startsHere,
      mark: (_, step) => this.marks.push(stepText(step)),
      events: { publish: ({ id, change }) => this.events.push(`${id} ${change}`) },
      clock: this.clock,
      pollSeconds: more.pollSeconds ?? 0,
      concurrency: 4,
      sleep: more.sleep ?? (async (ms) => this.clock.advance(ms)),
      random: () => 0.5,
    })
  }

  async withDrivers(...names: ('bmc' | 'ssh' | 'cloud')[]): Promise<Powers> {
    const powers = await this.open()
    const settings = { bmc: IPMI, ssh: SSH, cloud: HTTP }
    for (const name of names) await powers.putDriver(MACHINE, name, { settings: settings[name], secrets: null }, 'ada')
    for (const driver of [this.bmc, this.ssh, this.cloud]) driver.done.length = 0
    this.events.length = 0
    return powers
  }
}
