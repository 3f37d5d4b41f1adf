import type { Inventory } from '../../../machines/inventory.ts'
import type { BootOrder } from '../../../power/boot-order.ts'
import type { PowerState } from '../../../power/power.ts'
import type { BmcBackEnd } from '../../back-end.ts'
import { bootDocument } from '../boot.ts'
import { extendedInfo, type Json, type Problem } from '../messages.ts'
import { collection, link, PATHS } from '../paths.ts'
import { RESET_TYPES } from '../reset.ts'
import { inventoryParts } from './inventory.ts'

export type Machine = BmcBackEnd['machine']
export type Lamp = 'Lit' | 'Blinking' | 'Off' | 'Unknown'

export type SystemFacts = Readonly<{
  power: PowerState
  boot: BootOrder | null
  efi: boolean
  lamp: Lamp
  inventory: Inventory | undefined
  /** What could not be read, and why. */
  problems: readonly Problem[]
}>

const POWER = { on: 'On', off: 'Off', unknown: null } as const
export const RESET_PATH = 'Actions/ComputerSystem.Reset'

export function systemDocument(machine: Machine, facts: SystemFacts): Json {
  const path = PATHS.system(machine.id)
  const reached = facts.problems.length === 0
  return {
    '@odata.id': path,
    '@odata.type': '#ComputerSystem.v1_13_0.ComputerSystem',
    Id: machine.id,
    Name: machine.name,
    HostName: machine.name,
    SystemType: 'Physical',
    Manufacturer: machine.manufacturer,
    Model: machine.product,
    SerialNumber: machine.serial,
    ...(machine.uuid === null ? {} : { UUID: machine.uuid }),
    Status: { State: reached ? 'Enabled' : 'UnavailableOffline', Health: reached ? 'OK' : 'Warning' },
    ...(reached ? {} : { '@Message.ExtendedInfo': facts.problems.map(extendedInfo) }),
    PowerState: POWER[facts.power],
    IndicatorLED: facts.lamp,
    LocationIndicatorActive: facts.lamp === 'Lit' || facts.lamp === 'Blinking',
    Boot: bootDocument(facts.boot, facts.efi),
    ...inventoryParts(machine, facts.inventory),
    EthernetInterfaces: link(`${path}/EthernetInterfaces`),
    LogServices: link(`${path}/LogServices`),
    Links: { Chassis: [link(PATHS.oneChassis(machine.id))], ManagedBy: [link(PATHS.manager(machine.id))] },
    Actions: {
      '#ComputerSystem.Reset': {
        target: `${path}/${RESET_PATH}`,
        '@Redfish.ActionInfo': `${path}/ResetActionInfo`,
        'ResetType@Redfish.AllowableValues': Object.keys(RESET_TYPES),
      },
    },
  }
}

export function resetActionInfo(path: string, types: readonly string[]): Json {
  return {
    '@odata.id': `${path}/ResetActionInfo`,
    '@odata.type': '#ActionInfo.v1_1_2.ActionInfo',
    Id: 'ResetActionInfo',
    Name: 'Reset Action Info',
    Parameters: [{ Name: 'ResetType', Required: true, DataType: 'String', AllowableValues: types }],
  }
}

export function interfaces(machine: Machine): Json {
  const path = `${PATHS.system(machine.id)}/EthernetInterfaces`
  return collection(
    path,
    'EthernetInterfaceCollection',
    'Ethernet Interfaces',
    machine.macs.map((_, index) => `${path}/${index + 1}`),
  )
}

/** `undefined` when there is no such card. Its address is told where there is but one card that can have it. */
export function interfaceDocument(machine: Machine, id: string): Json | undefined {
  const mac = /^[1-9]\d{0,2}$/.test(id) ? machine.macs[Number(id) - 1] : undefined
  if (mac === undefined) return undefined
  return {
    '@odata.id': `${PATHS.system(machine.id)}/EthernetInterfaces/${id}`,
    '@odata.type': '#EthernetInterface.v1_6_0.EthernetInterface',
    Id: id,
    Name: `Ethernet Interface ${id}`,
    // Clients that make ports of them pass over cards whose health they are not told.
    Status: { State: 'Enabled', Health: 'OK' },
    InterfaceEnabled: true,
    MACAddress: mac,
    PermanentMACAddress: mac,
    ...(machine.macs.length === 1 && machine.address !== null ? { IPv4Addresses: [{ Address: machine.address }] } : {}),
  }
}
