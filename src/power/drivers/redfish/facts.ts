import type { Fru, HardwareEvent } from '../../driver.ts'
import { type Document, field, list, text } from './fields.ts'
import { stateOf } from './readings.ts'

export function fruOf(system: Document, chassis: Document): Fru {
  const of = (name: string) => text(field(system, name))
  return {
    manufacturer: of('Manufacturer'),
    product: of('Model'),
    partNumber: of('PartNumber') ?? of('SKU'),
    serial: of('SerialNumber'),
    assetTag: of('AssetTag'),
    boardManufacturer: null,
    boardProduct: null,
    boardSerial: null,
    chassisSerial: text(field(chassis, 'SerialNumber')),
  }
}

/** Entries of a LogService, as they are listed. */
export function eventsOf(members: readonly unknown[]): readonly HardwareEvent[] {
  return members.map((entry, index) => {
    const id = text(field(entry, 'Id')) ?? ''
    const at = Date.parse(text(field(entry, 'Created')) ?? '')
    const said =
      text(field(entry, 'Message'), 500) ?? list(field(entry, 'MessageArgs')).map(String).join(' ').slice(0, 500)
    return {
      id: /^\d{1,9}$/.test(id) ? Number(id) : index + 1,
      // Clocks that were never set begin at 1970.
      at: Number.isNaN(at) || at < 86_400_000 ? null : at,
      sensor: text(field(entry, 'SensorType')) ?? '',
      text: said,
      severity: stateOf(text(field(entry, 'Severity'))),
    }
  })
}

/** Names of logs by how likely they hold what a SEL holds, the likeliest first. */
const LOGS = [/^sel$/i, /^iml$/i, /^eventlog$/i, /^log1$/i, /standardlog/i, /event/i, /^lclog$/i]

/** Which of these paths of logs is the event log. */
export function chooseLog(paths: readonly string[]): string | undefined {
  const name = (path: string) => path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  for (const log of LOGS) {
    const found = paths.find((path) => log.test(name(path)))
    if (found !== undefined) return found
  }
  return paths[0]
}
