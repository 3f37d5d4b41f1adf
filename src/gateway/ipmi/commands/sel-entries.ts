import { BMC_ADDRESS } from '../../../protocols/ipmi/net-fn.ts'
import type { SelRecord } from '../../../protocols/ipmi/sel.ts'
import { EVENT_TYPE, SENSOR_TYPE, SEVERITY } from '../../../protocols/ipmi/sensor-types.ts'
import type { BmcEvent } from '../../bmc.ts'
import { FIRST_EVENT_SENSOR } from './sensor-table.ts'

/** What an entry of the log says was seen by. IPMI has no place for our words, so each kind has a type that clients have words for. */
type EventSensor = Readonly<{ number: number; sensorType: number; eventType: number; name: string }>

const at = (place: number, sensorType: number, name: string, eventType: number = EVENT_TYPE.specific): EventSensor => ({
  number: FIRST_EVENT_SENSOR + place,
  sensorType,
  eventType,
  name,
})

const SENSORS = {
  power: at(0, SENSOR_TYPE.powerUnit, 'Power'),
  start: at(1, SENSOR_TYPE.systemBoot, 'Start'),
  shutdown: at(2, SENSOR_TYPE.osStop, 'Shutdown'),
  interrupt: at(3, SENSOR_TYPE.criticalInterrupt, 'Interrupt'),
  order: at(4, SENSOR_TYPE.systemEvent, 'Boot order'),
  login: at(5, SENSOR_TYPE.sessionAudit, 'Login'),
  deployment: at(6, SENSOR_TYPE.osBoot, 'Deployment'),
  watchdog: at(7, SENSOR_TYPE.watchdog, 'Watchdog'),
  other: at(8, SENSOR_TYPE.platformAlert, 'Machine', EVENT_TYPE.severity),
} as const

export const EVENT_SENSORS: readonly EventSensor[] = Object.values(SENSORS)

type Said = Readonly<{ sensor: EventSensor; offset: number }>

/** How an entry about power begins, and the offset of IPMI 2.0 table 42-3 that says it. */
const POWER: readonly (readonly [string, Said])[] = [
  ['power on', { sensor: SENSORS.start, offset: 0 }],
  ['power off', { sensor: SENSORS.power, offset: 0 }],
  ['power cycle', { sensor: SENSORS.power, offset: 1 }],
  ['hard reset', { sensor: SENSORS.start, offset: 1 }],
  ['clean shutdown', { sensor: SENSORS.shutdown, offset: 3 }],
  ['diagnostic interrupt', { sensor: SENSORS.interrupt, offset: 0 }],
]
/** Table 42-3, power unit: it did not obey. */
const POWER_FAILED: Said = { sensor: SENSORS.power, offset: 5 }

function saidBy({ kind, severity, text }: BmcEvent): Said {
  const other: Said = { sensor: SENSORS.other, offset: SEVERITY[severity] }
  switch (kind) {
    case 'power':
      if (severity !== 'ok') return POWER_FAILED
      return POWER.find(([words]) => text.startsWith(words))?.[1] ?? other
    case 'boot':
      // "System reconfigured".
      return { sensor: SENSORS.order, offset: 0 }
    case 'login':
      // A session began; or a wrong name or password.
      return { sensor: SENSORS.login, offset: severity === 'ok' ? 0 : 2 }
    case 'deployment':
      // An installation is complete, or it failed.
      return { sensor: SENSORS.deployment, offset: severity === 'ok' ? 8 : 10 }
    case 'watchdog':
      return { sensor: SENSORS.watchdog, offset: 0 }
    default:
      return other
  }
}

const LAST_ENTRY = 0xfffe
/** Data 2 and 3 say nothing. */
const UNSPECIFIED = 0xff

/** Ids of log records are 1 to FFFEh; ours go on and come round. */
export const entryId = (event: BmcEvent): number => ((((event.id - 1) % LAST_ENTRY) + LAST_ENTRY) % LAST_ENTRY) + 1

export function entryOf(event: BmcEvent): SelRecord {
  const { sensor, offset } = saidBy(event)
  return {
    kind: 'event',
    id: entryId(event),
    time: Math.max(0, Math.min(0xfffffffe, Math.floor(event.at / 1000))),
    generator: BMC_ADDRESS,
    sensorType: sensor.sensorType,
    sensor: sensor.number,
    eventType: sensor.eventType,
    isDeassertion: false,
    data: [offset, UNSPECIFIED, UNSPECIFIED],
  }
}
