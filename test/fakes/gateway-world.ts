import type { ConsoleView } from '../../src/consoles/console.ts'
import type {
  EndedDeployment,
  GatewayAround,
  GatewayDeed,
  GatewayMachine,
  SeenOutcome,
} from '../../src/gateway/around.ts'
import { Gateway } from '../../src/gateway/gateway.ts'
import type { RoutedDriver } from '../../src/gateway/routing.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { Refusal } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { BootOrder } from '../../src/power/boot-order.ts'
import { CAPABILITIES, type Capability, type HardwareEvent } from '../../src/power/driver.ts'
import { MemoryGateway } from './gateway-rows.ts'
import { FAKE_SEALER } from './power.ts'

/** A machine that the gateway may know of. */
export const gatewayMachine = (id: string, change: Partial<GatewayMachine> = {}): GatewayMachine => ({
  id,
  name: `name-of-${id}`,
  uuid: null,
  serial: 'S1',
  manufacturer: 'Acme',
  product: 'Box',
  macs: ['52:54:00:00:00:01'],
  tags: [],
  profile: 'debian',
  profileKind: 'live',
  address: null,
  ...change,
})

/** Everything around a gateway, in memory. What drivers were asked stands in `asked`, as `MACHINE DRIVER what`. */
export class GatewayWorld {
  readonly rows = new MemoryGateway()
  readonly clock = new ManualClock()
  readonly machines = new Map<string, GatewayMachine>()
  readonly drivers = new Map<string, RoutedDriver[]>()
  readonly asked: string[] = []
  readonly deeds: GatewayDeed[] = []
  readonly traced: string[] = []
  readonly published: string[] = []
  readonly ended = new Map<string, EndedDeployment>()
  /** Why calls fail. */
  failure: Error | undefined
  outcome: Promise<SeenOutcome> = Promise.resolve({ driver: 'bmc', confirmed: true, problems: '' })
  firmware: BootOrder | null = null
  view: ConsoleView = {
    recorded: async () => new Uint8Array(),
    listen: () => undefined,
    write: () => undefined,
    sendBreak: () => undefined,
    close: () => undefined,
  }
  readonly viewers: object[] = []

  constructor() {
    for (const id of ['m_1', 'm_2', 'm_3']) this.machines.set(id, gatewayMachine(id))
    this.drivers.set('m_1', [this.driver('os', 'ssh', ['state', 'soft', 'reset']), this.driver('bmc', 'ipmi')])
  }

  driver(name: string, kind: string, capabilities: readonly Capability[] = CAPABILITIES): RoutedDriver {
    return { name, kind, capabilities: new Set(capabilities), score: 100, resting: false, lastFailure: null }
  }

  open(change: Partial<GatewayAround> = {}): Promise<Gateway> {
    return Gateway.open({ ...this.around(), ...change })
  }

  around(): GatewayAround {
    const ask = <T>(machine: string, driver: string | undefined, what: string, value: T): T => {
      this.asked.push(`${machine} ${driver ?? 'any'} ${what}`)
      if (this.failure) throw this.failure
      return value
    }
    return {
      repository: this.rows,
      sealer: FAKE_SEALER,
      machine: (id) => this.machines.get(id),
      machines: () => [...this.machines.values()],
      powers: {
        driversOf: (id) => this.drivers.get(id) ?? [],
        state: async (id, driver) => ask(id, driver, 'state', 'on'),
        perform: async (id, action, driver) => ask(id, driver, action, this.outcome),
        bootOrder: async (id, driver) => ask(id, driver, 'boot order?', this.firmware),
        async setBootOrder(id, order, driver) {
          ask(id, driver, `boot order ${order?.device ?? 'none'}`, undefined)
        },
        async identify(id, seconds, driver) {
          ask(id, driver, `identify ${seconds}`, undefined)
        },
        sensors: async (id, driver) => ask(id, driver, 'sensors', []),
        events: async (id, driver) => ask(id, driver, 'events', [HARDWARE_EVENT]),
        async clearEvents(id, driver) {
          ask(id, driver, 'clear events', undefined)
        },
        fru: async (id, driver) => ask(id, driver, 'fru', NO_FRU),
        async setMedia(id, media, driver) {
          ask(id, driver, `media ${media}`, undefined)
        },
        raw: async (id, _, driver) => ask(id, driver, 'raw', { completionCode: 0, data: new Uint8Array() }),
      },
      smbios: async () => ({ manufacturer: 'Found', product: 'Found', serial: 'S2', board: 'X11' }),
      consoles: {
        attach: (_, viewer) => {
          if (this.failure) throw this.failure
          this.viewers.push(viewer)
          return this.view
        },
      },
      mediaProblem: (media) => (media === 'disc' || media.startsWith('http') ? undefined : 'there is no such image'),
      audit: async (deed) => void this.deeds.push(deed),
      trace: (machine, summary, reason) => void this.traced.push(`${machine} ${summary}: ${reason}`),
      endedDeployment: async (id) => this.ended.get(id),
      places: { firstPort: 6230, lastPort: 6232, host: '0.0.0.0', taken: [] },
      mostEvents: 16,
      suite3: true,
      events: { publish: ({ id, change }) => void this.published.push(`${id} ${change}`) },
      clock: this.clock,
      log: SILENT,
    }
  }
}

export const UNREACHABLE = new Refusal('not-available', 'it does not answer')

const NO_FRU = {
  manufacturer: null,
  product: null,
  partNumber: null,
  serial: null,
  assetTag: null,
  boardManufacturer: null,
  boardProduct: null,
  boardSerial: null,
  chassisSerial: null,
}

const HARDWARE_EVENT: HardwareEvent = { id: 7, at: null, sensor: 'PSU', text: 'lost', severity: 'critical' }
