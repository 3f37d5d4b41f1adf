import type { ConsoleView } from '../consoles/console.ts'
import type { ConsoleLine, Fru, HardwareEvent } from '../power/driver.ts'
import type { GatewayMachine } from './around.ts'
import type { BmcCaller } from './back-end.ts'
import type { BmcEvent } from './bmc.ts'

/** Who ordered something, for logs and traces. */
export function callerOf({ user, face, address }: BmcCaller): string {
  return `${user} (${face === 'ipmi' ? 'IPMI' : 'Redfish'} from ${address})`
}

/** What Reveille itself knows of what a machine is made of. */
export function fruOf({ manufacturer, product, serial }: GatewayMachine): Fru {
  const nothing = { partNumber: null, assetTag: null, boardManufacturer: null, boardProduct: null, boardSerial: null }
  return { manufacturer, product, serial, chassisSerial: null, ...nothing }
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
