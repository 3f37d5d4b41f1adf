import type { ConsoleView } from '../consoles/console.ts'
import type { ConsoleLine, Fru, HardwareEvent } from '../power/driver.ts'
import type { GatewayMachine, Smbios } from './around.ts'
import type { BmcCaller } from './back-end.ts'
import type { BmcEvent } from './bmc.ts'

/** Who ordered something, for logs and traces. */
export function callerOf({ user, face, address }: BmcCaller): string {
  return `${user} (${face === 'ipmi' ? 'IPMI' : 'Redfish'} from ${address})`
}

/** What Reveille itself knows of what a machine is made of: from its boots, and from the management OS where that has run. */
export function fruOf(machine: GatewayMachine, smbios: Smbios | undefined): Fru {
  return {
    manufacturer: machine.manufacturer ?? smbios?.manufacturer ?? null,
    product: machine.product ?? smbios?.product ?? null,
    serial: machine.serial ?? smbios?.serial ?? null,
    boardProduct: smbios?.board ?? null,
    ...{ partNumber: null, assetTag: null, boardManufacturer: null, boardSerial: null, chassisSerial: null },
  }
}

/** A line of a machine's own log as one of its BMC. */
export function fromHardware(machine: string, { id, at, sensor, text, severity }: HardwareEvent): BmcEvent {
  return {
    machine,
    id,
    at: at ?? 0,
    kind: 'other',
    severity: severity === 'unknown' ? 'ok' : severity,
    text: [sensor, text].filter((part) => part !== '').join(': '),
  }
}

/** One viewer's place at a console as a line. What was printed before is not part of it. */
export function lineOf(view: ConsoleView): ConsoleLine {
  return {
    listen: (received, ended) => view.listen(received, ended),
    write: (bytes) => view.write(bytes),
    sendBreak: () => view.sendBreak(),
    close: () => view.close(),
  }
}
