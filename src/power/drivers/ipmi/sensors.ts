import { DecodeError } from '../../../kit/errors.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import { NET_FN } from '../../../protocols/ipmi/net-fn.ts'
import {
  decodeSdr,
  type FullSensorRecord,
  GET_SDR,
  GET_SDR_INFO,
  RESERVE_SDR,
  type SdrRecord,
  sdrLength,
} from '../../../protocols/ipmi/sdr.ts'
import { FIRST_RECORD, LAST_RECORD } from '../../../protocols/ipmi/sel.ts'
import {
  GET_DEVICE_SDR,
  GET_DEVICE_SDR_INFO,
  GET_SENSOR_READING,
  RESERVE_DEVICE_SDR,
} from '../../../protocols/ipmi/sensors.ts'
import type { Sensor } from '../../sensor.ts'
import type { AskOptions, Link } from './link.ts'
import { type RecordCommands, RecordReader } from './records.ts'
import { factorsOf, type SensorRecord, sensorOf } from './sensor-words.ts'

export type Timed = AskOptions & Readonly<{ until: number }>

/** No machine has as many; what a broken BMC can make us keep. */
const MOST_RECORDS = 1024
/** Left of a call's time for what follows. */
const SPARE_MS = 3000

const REPOSITORY: RecordCommands = { reserve: RESERVE_SDR, get: GET_SDR, lengthOf: sdrLength }
const DEVICE: RecordCommands = { reserve: RESERVE_DEVICE_SDR, get: GET_DEVICE_SDR, lengthOf: sdrLength }

/** `commands` is absent where there are no records. */
type Source = Readonly<{ commands?: RecordCommands; version: string }>

/** Reads the sensors of one BMC. Their records are kept until the BMC says that they changed; reading them takes slow ones a minute. */
export class SensorReader {
  readonly #link: Link
  #version: string | undefined
  #records = new Map<number, SdrRecord>()
  /** The record to go on with; `LAST_RECORD`: all are there. */
  #next = FIRST_RECORD

  constructor(link: Link) {
    this.#link = link
  }

  /** What was read in time: sensors whose turn did not come are `unknown`. */
  async read(options: Timed): Promise<readonly Sensor[]> {
    await this.#readRecords(options)
    const sensors: Sensor[] = []
    for (const record of this.#sensorRecords())
      for (const place of placesOf(record)) sensors.push(await this.#readOne(place, options))
    return sensors
  }

  /** The name of a sensor, as far as records were read. */
  nameOf(owner: number, sensor: number): string | undefined {
    for (const record of this.#records.values())
      if (
        (record.kind === 'full' || record.kind === 'compact' || record.kind === 'event-only') &&
        record.owner === owner
      ) {
        const count = record.kind === 'compact' ? record.shared : 1
        if (sensor >= record.sensor && sensor < record.sensor + count) return record.name
      }
    return undefined
  }

  /** Only those of the BMC itself: others would have to be asked through it, on a bus where answers may take seconds. */
  *#sensorRecords(): Generator<SensorRecord> {
    for (const record of this.#records.values())
      if ((record.kind === 'full' || record.kind === 'compact') && record.owner === BMC_OWNER) yield record
  }

  async #readOne(place: SensorRecord, options: Timed): Promise<Sensor> {
    if (performance.now() > options.until - SPARE_MS) return sensorOf(place, undefined)
    try {
      // The unit of a sensor is part of its address, and stands in the request itself (§35.14).
      const data = GET_SENSOR_READING.encodeRequest({ sensor: place.sensor })
      const request = { netFn: NET_FN.sensor, lun: place.lun, command: GET_SENSOR_READING.command, data }
      const answer = await this.#link.ask(request, options)
      if (answer.completionCode !== COMPLETION.ok) return sensorOf(place, undefined)
      const reading = GET_SENSOR_READING.decodeAnswer(answer.data)
      return sensorOf(place, reading, await this.#factors(place, reading.raw, options))
    } catch (error) {
      if (error instanceof DecodeError) return sensorOf(place, undefined)
      throw error
    }
  }

  /** Of a sensor whose factors differ from reading to reading (§35.5); `undefined`: those of its record. */
  async #factors(place: SensorRecord, raw: number, options: Timed): Promise<FullSensorRecord['factors'] | undefined> {
    if (place.kind !== 'full' || place.factors.linearization < NON_LINEAR) return undefined
    const data = Uint8Array.of(place.sensor, raw)
    const answer = await this.#link.ask({ netFn: NET_FN.sensor, lun: place.lun, command: 0x23, data }, options)
    return answer.completionCode === COMPLETION.ok ? factorsOf(place.factors, answer.data) : undefined
  }

  async #readRecords(options: Timed): Promise<void> {
    const source = await this.#source(options)
    if (source.version !== this.#version) {
      this.#version = source.version
      this.#records = new Map()
      this.#next = FIRST_RECORD
    }
    if (!source.commands) return
    const reader = new RecordReader(this.#link, source.commands, options)
    // A half of the time at most: readings come after it. The rest is read the next time.
    const until = performance.now() + (options.until - performance.now()) / 2
    while (this.#next !== LAST_RECORD && this.#records.size < MOST_RECORDS && performance.now() < until) {
      const id = this.#next
      const part = await reader.read(id).catch(ifNot)
      // A record that it does not give: what came before it is still good.
      if (!part) break
      const { next, data } = part
      const record = recordOf(id, data)
      // A BMC that leads in a circle.
      this.#next = this.#records.has(next) ? LAST_RECORD : next
      this.#records.set(id, record)
    }
  }

  /** Where the records are, and what changes when they do (§33.9, §35.2). */
  async #source(options: Timed): Promise<Source> {
    const info = await this.#link.call(GET_SDR_INFO, undefined, options).catch(ifNot)
    if (info && info.records > 0) {
      const version = `repository ${info.records} ${info.lastAddition} ${info.lastErase}`
      return { commands: REPOSITORY, version }
    }
    const device = await this.#link.call(GET_DEVICE_SDR_INFO, { counts: true }, options).catch(ifNot)
    if (device && device.count > 0) return { commands: DEVICE, version: `device ${device.count} ${device.changedAt}` }
    return { version: 'nothing' }
  }
}

const BMC_OWNER = 0x20
/** Linearizations from 70h on have no formula (table 43-1, byte 24). */
const NON_LINEAR = 0x70

function ifNot(error: unknown): undefined {
  if (error instanceof CompletionError) return undefined
  throw error
}

function recordOf(id: number, data: Uint8Array): SdrRecord {
  try {
    return decodeSdr(data)
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'other', id, type: data[3] ?? 0 }
    throw error
  }
}

/** A record of several sensors as one of each; they count up from the first (§43.2). */
function placesOf(record: SensorRecord): readonly SensorRecord[] {
  if (record.kind === 'full' || record.shared === 1) return [record]
  return Array.from({ length: record.shared }, (_, i) => ({
    ...record,
    shared: 1,
    sensor: record.sensor + i,
    name: `${record.name} ${i + 1}`,
  }))
}
