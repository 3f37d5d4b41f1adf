import { Refusal } from '../../../kit/errors.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { BMC_ADDRESS } from '../../../protocols/ipmi/net-fn.ts'
import * as sdr from '../../../protocols/ipmi/sdr.ts'
import type { GetRecord, RecordPart } from '../../../protocols/ipmi/sel.ts'
import { FIRST_RECORD, LAST_RECORD, WHOLE_RECORD } from '../../../protocols/ipmi/sel.ts'
import { ENTITY } from '../../../protocols/ipmi/sensor-types.ts'
import * as wire from '../../../protocols/ipmi/sensors.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, refuse } from './answers.ts'
import { SUPPORT_BITS } from './device.ts'
import { EVENT_SENSORS } from './sel-entries.ts'
import {
  NO_SENSORS,
  type NumberedSensor,
  numberSensors,
  type ReadSensors,
  readingOf,
  recordIdOf,
  recordOf,
  thresholdsOf,
  typeOf,
  withoutReadings,
} from './sensor-table.ts'
import { nextReservation } from './state.ts'

/** For so long readings are answered from memory: a client reads all sensors, one command each. */
const FRESH_MS = 2_000
/** What we send of a record at most, so that an answer fits any client's buffer. */
const MOST_PART_BYTES = 200

/** Reads under way, so that a slow back end is asked once for all who wait. */
const underWay = new WeakMap<object, Promise<ReadSensors>>()

async function read({ backEnd, state, now }: CommandContext): Promise<ReadSensors> {
  const before = state.sensors ?? NO_SENSORS
  let found: ReadSensors
  try {
    found = numberSensors(await backEnd.sensors(), before, now())
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // Nothing can read sensors here, or it does not answer: what is known stays known, without readings.
    found = withoutReadings(before, now())
  }
  if (found.stamp !== before.stamp) state.sdrReservation = nextReservation(state.sdrReservation)
  state.sensors = found
  return found
}

function sensors(context: CommandContext): ReadSensors | Promise<ReadSensors> {
  const { state, now } = context
  if (state.sensors && now() - state.sensors.readAt < FRESH_MS) return state.sensors
  const running = underWay.get(state)
  if (running) return running
  const reading = read(context).finally(() => underWay.delete(state))
  underWay.set(state, reading)
  return reading
}

async function sensor(number: number, context: CommandContext): Promise<NumberedSensor> {
  return (await sensors(context)).byNumber.get(number) ?? refuse(COMPLETION.notPresent)
}

const CONTROLLER = sdr.encodeSdr({
  kind: 'controller',
  id: 1,
  address: BMC_ADDRESS,
  capabilities: SUPPORT_BITS,
  entity: ENTITY.managementController,
  instance: 1,
  name: 'Reveille',
})
const INVENTORY = sdr.encodeSdr({
  kind: 'fru',
  id: 2,
  controller: BMC_ADDRESS,
  device: 0,
  isLogical: true,
  entity: ENTITY.systemBoard,
  instance: 1,
  name: 'System',
})
const FIRST_EVENT_RECORD = 0x10
/** Names for the numbers that entries of the log carry. */
const EVENTS = EVENT_SENSORS.map(({ number, sensorType, eventType, name }, i) =>
  sdr.encodeSdr({
    kind: 'event-only',
    id: FIRST_EVENT_RECORD + i,
    owner: BMC_ADDRESS,
    lun: 0,
    sensor: number,
    entity: ENTITY.managementController,
    instance: 1,
    sensorType,
    eventType,
    name,
  }),
)
const FIXED = [CONTROLLER, INVENTORY, ...EVENTS]

const idOf = (record: Uint8Array): number => record[0]! | (record[1]! << 8)
const FIXED_IDS = FIXED.map(idOf)

/** All records in the order of their ids. Only the one that is asked for is built. */
function recordAt(found: ReadSensors, id: number): Readonly<{ record: Uint8Array; next: number }> | undefined {
  const numbers = [...found.byNumber.keys()].sort((a, b) => a - b)
  const ids = [...FIXED_IDS, ...numbers.map(recordIdOf)]
  const place = id === FIRST_RECORD ? 0 : id === LAST_RECORD ? ids.length - 1 : ids.indexOf(id)
  if (place < 0) return undefined
  const record = FIXED[place] ?? recordOf(found.byNumber.get(numbers[place - FIXED.length]!)!)
  return { record, next: ids[place + 1] ?? LAST_RECORD }
}

async function part(request: GetRecord, context: CommandContext): Promise<RecordPart> {
  const found = await sensors(context)
  // §33.12: a part from within a record needs a reservation, or halves of two records could be put together.
  if ((request.offset !== 0 || request.reservation !== 0) && request.reservation !== context.state.sdrReservation)
    refuse(COMPLETION.badReservation)
  const { record, next } = recordAt(found, request.record) ?? refuse(COMPLETION.notPresent)
  if (request.offset > record.length) refuse(COMPLETION.outOfRange)
  const rest = record.subarray(request.offset)
  const count = request.count === WHOLE_RECORD ? rest.length : request.count
  if (Math.min(count, rest.length) > MOST_PART_BYTES) refuse(COMPLETION.tooManyBytes)
  return { next, data: rest.subarray(0, count) }
}

async function reserve(_: unknown, context: CommandContext): Promise<{ id: number }> {
  await sensors(context)
  return { id: context.state.sdrReservation }
}

const seconds = (ms: number): number => Math.floor(ms / 1000)

export const SENSOR_RECORDS: readonly Command[] = [
  answers(sdr.GET_SDR_INFO, async (_, context) => {
    const found = await sensors(context)
    return {
      records: FIXED.length + found.byNumber.size,
      freeBytes: 0,
      lastAddition: found.stamp,
      lastErase: found.stamp,
      canReserve: true,
    }
  }),
  answers(sdr.GET_SDR_ALLOCATION, () => ({ units: 0, unitBytes: 0, freeUnits: 0, largestFree: 0, largestRecord: 0 })),
  answers(sdr.RESERVE_SDR, reserve),
  answers(sdr.GET_SDR, part),
  answers(sdr.GET_SDR_TIME, (_, { now }) => ({ time: seconds(now()) })),
  answers(wire.GET_DEVICE_SDR_INFO, async ({ counts }, context) => {
    const found = await sensors(context)
    const count = found.byNumber.size + (counts ? FIXED.length : 0)
    return { count: Math.min(count, 0xff), isDynamic: true, changedAt: found.stamp }
  }),
  answers(wire.RESERVE_DEVICE_SDR, reserve),
  answers(wire.GET_DEVICE_SDR, part),
  answers(wire.GET_SENSOR_READING, async (request, context) => readingOf(await sensor(request.sensor, context))),
  answers(wire.GET_SENSOR_THRESHOLDS, async (request, context) => {
    const one = await sensor(request.sensor, context)
    if (!one.factors) refuse(COMPLETION.illegalForSensor)
    return thresholdsOf(one)
  }),
  answers(wire.GET_SENSOR_TYPE, async (request, context) => typeOf(await sensor(request.sensor, context))),
  answers(wire.GET_SENSOR_HYSTERESIS, async (request, context) => {
    await sensor(request.sensor, context)
    return { positive: 0, negative: 0 }
  }),
  answers(wire.GET_SENSOR_EVENTS, async (request, context) => {
    await sensor(request.sensor, context)
    // They are scanned, but what crosses a threshold sends no event.
    return { isEnabled: false, isScanned: true, assertions: 0, deassertions: 0 }
  }),
]
