import { setTimeout as delay } from 'node:timers/promises'
import type { InstallStage } from '../boot/install/serve.ts'
import { BOOT_PATHS } from '../boot/paths.ts'
import type { Config } from '../config/schema.ts'
import type { ConsoleSource } from '../consoles/console.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { Events } from '../events/event.ts'
import { sshConnector } from '../guests/drivers/ssh-connection.ts'
import type { Images } from '../images/images.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Lab } from '../lab/lab.ts'
import type { Machines } from '../machines/machines.ts'
import type { Leases } from '../networks/leases.ts'
import { type AgentSurroundings, agentFactory } from '../power/drivers/agent/agent.ts'
import { httpFactory } from '../power/drivers/http/http.ts'
import { ipmiDrivers } from '../power/drivers/ipmi/driver.ts'
import { LabDriver } from '../power/drivers/lab.ts'
import { manualFactory } from '../power/drivers/manual/manual.ts'
import { redfishDrivers } from '../power/drivers/redfish/redfish.ts'
import { snmpFactory } from '../power/drivers/snmp/outlet.ts'
import { sshFactory } from '../power/drivers/ssh/ssh.ts'
import { wakeOnLanFactory } from '../power/drivers/wol/wake-on-lan.ts'
import type { BuiltInDriver } from '../power/fleet.ts'
import { ManualRequests } from '../power/manual-requests.ts'
import type { PowerMachine } from '../power/power.ts'
import { Powers } from '../power/powers.ts'
import { aesGcmSealer } from '../secrets/drivers/aes-gcm.ts'
import { listInterfaces } from '../sockets/interfaces.ts'
import { IPMI_CRYPTOGRAPHY } from '../sockets/ipmi-cryptography.ts'
import { keyFile } from '../store/key-file.ts'
import type { Store } from '../store/store.ts'
import { startedSince } from '../traces/started.ts'
import type { Traces } from '../traces/traces.ts'
import { addressOf } from './guests.ts'

type Around = Readonly<{
  store: Pick<Store, 'power'>
  dataDir: string
  config: Pick<Config, 'power'>
  machines: Machines
  images: Pick<Images, 'resolve'>
  traces: Pick<Traces, 'newest' | 'record'>
  leases: Pick<Leases, 'ofMac'>
  lab: Lab | undefined
  /** Where BMCs fetch discs from, such as `http://10.0.0.1:8470`. */
  bootUrl: () => string
  /** Where the BMC of a machine fetches the disc that boots it from this server. */
  bootDisc: (machine: PowerMachine) => Promise<string>
  events: Events
  clock: Clock
  log: Log
}>

type Agents = Readonly<{
  deployments: Pick<Deployments, 'busyWith' | 'inventoryOf'>
  install: Pick<InstallStage, 'running' | 'console'>
}>

/** Switching machines, with every kind of driver there is. */
export async function openPower({ store, dataDir, config, machines, traces, leases, lab, ...around }: Around) {
  const { events, clock, log } = around
  const requests = new ManualRequests({
    clock,
    changed: (id) => events.publish({ topic: 'power', id, change: 'saved' }),
  })
  const ipmi = ipmiDrivers({ cryptography: IPMI_CRYPTOGRAPHY, log })
  const redfish = redfishDrivers({ clock, log })
  let agents: AgentSurroundings | undefined
  const powers = await Powers.open({
    repository: store.power,
    sealer: aesGcmSealer(await keyFile(dataDir, 'credential-key'), 'credential-key'),
    factories: {
      ipmi: ipmi.factory,
      redfish: redfish.factory,
      wol: wakeOnLanFactory({ interfaces: listInterfaces }),
      snmp: snmpFactory,
      http: httpFactory,
      manual: manualFactory(requests),
      ssh: sshFactory(sshConnector),
    },
    builtIn: (machine) => [...labDrivers(machine, lab), ...agentDrivers(machine, agents)],
    machine: (id) => machines.get(id),
    machines: () => machines.all(),
    firmwareOf: (id) => machines.get(id)?.firmware ?? null,
    addressOf: (id) => {
      const machine = machines.get(id)
      return (machine && addressOf(machine, leases)) ?? null
    },
    seenSince: ({ macs }, at) => {
      const trace = traces.newest(macs)
      return trace !== undefined && startedSince(trace, at)
    },
    // What has a profile and was seen booting before asks for it at each start.
    startsHere: ({ id, macs }) => machines.get(id)?.profile != null && traces.newest(macs) !== undefined,
    mark: ({ macs }, { driver, action, outcome, said }) => {
      const mac = traces.newest(macs)?.mac
      const done = outcome === 'confirmed' || outcome === 'open' ? 'ok' : 'failed'
      const step = { summary: `its power: ${action} by ${driver}`, reason: said, detail: { driver, action, outcome } }
      if (mac) traces.record({ mac }, { kind: 'power.order', stage: 'offer', outcome: done, ...step })
    },
    asking: (id) => requests.pending().find(({ machine }) => machine === id),
    mediaUrl: async (media, machine) => (media === 'boot' ? around.bootDisc(machine) : mediaUrl(media, around)),
    ...config.power,
    events,
    clock,
    log,
    sleep: delay,
  })
  events.listen(({ topic, id, change }) => {
    if (topic !== 'machine' || change !== 'removed') return
    powers.forget(id).catch((error) => log.error({ machine: id, error }, 'the power drivers of a machine stay'))
  })
  return {
    powers,
    /** The serial line of a machine (by id) through the driver named, else the first that somebody gave it for that. */
    consoleOf: (id: string, wanted?: string): ConsoleSource | undefined => {
      const machine = machines.get(id)
      const able = (machine ? powers.drivers(machine) : []).filter((each) => each.capabilities.includes('console'))
      const own = able.find((each) => each.name === wanted) ?? able.find((each) => !each.builtIn)
      if (!machine || !own) return undefined
      const { name, kind } = own
      return { name: `driver ${name} (${kind})`, open: async () => (await powers.openConsole(machine, name)).value }
    },
    /** Agents can be asked as soon as there is a stage that they talk to. */
    meetAgents: (given: Agents) => {
      agents = surroundingsOf(given)
    },
    async stop() {
      requests.withdraw()
      await powers.stop()
      await Promise.all([ipmi.close(), redfish.close()])
    },
  }
}

function labDrivers({ macs }: PowerMachine, lab: Lab | undefined): BuiltInDriver[] {
  if (!lab || macs.every((mac) => lab.nameOf(mac) === undefined)) return []
  return [{ name: 'lab', kind: 'lab', make: () => new LabDriver(lab, macs) }]
}

/** There while the management OS runs. */
function agentDrivers(machine: PowerMachine, agents: AgentSurroundings | undefined): BuiltInDriver[] {
  if (!agents?.runs(machine.id)) return []
  const make = () => agentFactory(agents)({ kind: 'agent' }, {}, { ...machine, address: () => null })
  return [{ name: 'agent', kind: 'agent', make }]
}

function surroundingsOf({ deployments, install }: Agents): AgentSurroundings {
  return {
    runs: (machine) => install.running().some((each) => each.machine === machine),
    busy: (machine) => deployments.busyWith(machine),
    inventory: async (machine) => (await deployments.inventoryOf(machine))?.inventory,
    console: (machine) => install.console(machine),
  }
}

/** The address of a disc as BMCs fetch it. */
function mediaUrl(media: string, { images, bootUrl }: Pick<Around, 'images' | 'bootUrl'>): string {
  if (/^https?:\/\//.test(media)) return media
  const found = images.resolve(media)
  const file = found?.version.files.find(({ role }) => role === 'iso')
  if (!file)
    throw new Refusal('not-found', found ? `${media} is no iso image` : `there is no image ${media}`, {
      next: 'name an iso image (reveille image list), give an http address, or say boot',
    })
  return bootUrl() + BOOT_PATHS.blob(file.sha256, file.name)
}
