import { expect, test } from 'vitest'
import { CommandDesk } from '../../../../test/fakes/ipmi-commands.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { Sensor } from '../../../power/sensor.ts'
import * as fru from '../../../protocols/ipmi/fru.ts'
import { decodeSdr, GET_SDR, GET_SDR_INFO, RESERVE_SDR, type SdrRecord } from '../../../protocols/ipmi/sdr.ts'
import * as sel from '../../../protocols/ipmi/sel.ts'
import { sensorValue } from '../../../protocols/ipmi/sensor-values.ts'
import * as sensors from '../../../protocols/ipmi/sensors.ts'

const sensor = (name: string, value: number | null, change: Partial<Sensor> = {}): Sensor => ({
  name,
  kind: 'temperature',
  unit: '°C',
  value,
  state: 'ok',
  lowCritical: null,
  lowWarning: null,
  highWarning: null,
  highCritical: null,
  text: '',
  ...change,
})

/** All records, read in pieces of 7 bytes as small buffers make clients do. */
async function readRecords(desk: CommandDesk): Promise<SdrRecord[]> {
  const { id: reservation } = await desk.ask(RESERVE_SDR, undefined)
  const found: SdrRecord[] = []
  for (let record = sel.FIRST_RECORD; record !== sel.LAST_RECORD; ) {
    const head = await desk.ask(GET_SDR, { reservation, record, offset: 0, count: 5 })
    const bytes = [...head.data]
    while (bytes.length < 5 + head.data[4]!) {
      const count = Math.min(7, 5 + head.data[4]! - bytes.length)
      bytes.push(...(await desk.ask(GET_SDR, { reservation, record, offset: bytes.length, count })).data)
    }
    found.push(decodeSdr(Uint8Array.from(bytes)))
    record = head.next
  }
  return found
}

test('a sensor is read with the value and the limits that it has', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = [
    sensor('Inlet', 23),
    sensor('Outlet', 91, { highWarning: 85, highCritical: 95 }),
    sensor('12V', 12.06, { kind: 'voltage', unit: 'V', lowCritical: 10.8, highCritical: 13.2 }),
    sensor('Fan', 0, { kind: 'fan', unit: 'RPM', lowCritical: 600 }),
    sensor('Draw', 12_345, { kind: 'power', unit: 'W' }),
    sensor('Tiny', 0.004, { kind: 'current', unit: 'A' }),
  ]
  const records = await readRecords(desk)
  for (const wanted of desk.bmc.sensorList) {
    const record = records.find((one) => one.kind === 'full' && one.name === wanted.name)
    if (record?.kind !== 'full') throw new Error(wanted.name)
    const reading = await desk.ask(sensors.GET_SENSOR_READING, { sensor: record.sensor })
    const step = record.factors.m * 10 ** record.factors.exponent
    expect(Math.abs(sensorValue(record.factors, reading.raw)! - wanted.value!)).toBeLessThanOrEqual(step / 2 + 1e-9)
    expect(step).toBeLessThanOrEqual(Math.max(1, Math.abs(wanted.value!) / 40, 50))
    const limits = await desk.ask(sensors.GET_SENSOR_THRESHOLDS, { sensor: record.sensor })
    expect(limits).toEqual(record.thresholds)
    if (wanted.highCritical !== null)
      expect(sensorValue(record.factors, limits.highCritical!)).toBeCloseTo(wanted.highCritical, 6)
  }
  const outlet = records.find((one) => one.kind === 'full' && one.name === 'Outlet') as { sensor: number }
  // Bit 3: at or above the upper limit of warnings.
  expect(await desk.ask(sensors.GET_SENSOR_READING, outlet)).toMatchObject({ states: 0b001000 })
})

test('sensors without a reading, with states, and unknown ones are told apart', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = [
    sensor('Silent', null, { state: 'unknown' }),
    sensor('PSU', null, { kind: 'discrete', unit: '', state: 'warning' }),
  ]
  expect(await desk.ask(sensors.GET_SENSOR_READING, { sensor: 1 })).toMatchObject({ isAvailable: false })
  expect(await desk.ask(sensors.GET_SENSOR_READING, { sensor: 2 })).toMatchObject({ isAvailable: true, states: 0b10 })
  expect(await desk.ask(sensors.GET_SENSOR_TYPE, { sensor: 2 })).toEqual({ sensorType: 0x24, eventType: 0x07 })
  expect(await desk.refusal(sensors.GET_SENSOR_THRESHOLDS, { sensor: 2 })).toBe(0xcd)
  expect(await desk.refusal(sensors.GET_SENSOR_READING, { sensor: 3 })).toBe(0xcb)
})

test('the back end is asked once for all sensors', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = Array.from({ length: 40 }, (_, i) => sensor(`Sensor ${i}`, 20 + i))
  await Promise.all(desk.bmc.sensorList.map((_, i) => desk.ask(sensors.GET_SENSOR_READING, { sensor: i + 1 })))
  await readRecords(desk)
  expect(desk.bmc.calls).toEqual(['sensors'])
  desk.clock.advance(2_000)
  await desk.ask(sensors.GET_SENSOR_READING, { sensor: 1 })
  expect(desk.bmc.calls).toEqual(['sensors', 'sensors'])
})

test('records stay while values move, also over restarts, and a reservation ends when they change', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = [sensor('A', 20), sensor('B', 1500, { kind: 'fan', unit: 'RPM' })]
  const first = await desk.ask(GET_SDR_INFO, undefined)
  const { id } = await desk.ask(RESERVE_SDR, undefined)
  const part = { reservation: id, record: sel.FIRST_RECORD, offset: 5, count: 4 }
  desk.bmc.sensorList = [sensor('A', 77), sensor('B', 4100, { kind: 'fan', unit: 'RPM' })]
  desk.clock.advance(10_000)
  expect(await desk.ask(GET_SDR_INFO, undefined)).toEqual(first)
  expect(await desk.refusal(GET_SDR, part)).toBe(0)
  const restarted = new CommandDesk()
  restarted.bmc.sensorList = desk.bmc.sensorList
  expect(await restarted.ask(GET_SDR_INFO, undefined)).toEqual(first)
  desk.bmc.sensorList = [sensor('B', 4100, { kind: 'fan', unit: 'RPM' })]
  desk.clock.advance(10_000)
  expect((await desk.ask(GET_SDR_INFO, undefined)).lastAddition).not.toBe(first.lastAddition)
  expect(await desk.refusal(GET_SDR, part)).toBe(0xc5)
  // What is still there keeps its number.
  expect(await desk.ask(sensors.GET_SENSOR_READING, { sensor: 2 })).toMatchObject({ isAvailable: true })
})

test('a value that no longer fits gets other factors', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = [sensor('Draw', 90, { kind: 'power', unit: 'W' })]
  await readRecords(desk)
  desk.bmc.sensorList = [sensor('Draw', 2_000, { kind: 'power', unit: 'W' })]
  desk.clock.advance(2_000)
  const record = (await readRecords(desk)).find((one) => one.kind === 'full')
  if (record?.kind !== 'full') throw new Error('no record')
  const { raw } = await desk.ask(sensors.GET_SENSOR_READING, { sensor: 1 })
  expect(sensorValue(record.factors, raw)).toBe(2_000)
})

test('sensors that cannot be read now stay known, without readings', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = [sensor('A', 20)]
  await readRecords(desk)
  desk.bmc.failure = new Refusal('not-available', 'it does not answer')
  desk.clock.advance(2_000)
  expect(await desk.ask(sensors.GET_SENSOR_READING, { sensor: 1 })).toMatchObject({ isAvailable: false })
  expect((await readRecords(desk)).some((one) => one.kind === 'full' && one.name === 'A')).toBe(true)
})

test('more sensors than there are numbers are left out', async () => {
  const desk = new CommandDesk()
  desk.bmc.sensorList = Array.from({ length: 500 }, (_, i) => sensor(`Sensor ${i}`, 20))
  expect((await readRecords(desk)).filter((one) => one.kind === 'full')).toHaveLength(239)
})

test('an inventory is read in pieces of the same, and made of what the server knows where nobody else says', async () => {
  const desk = new CommandDesk()
  const { bytes: length } = await desk.ask(fru.GET_FRU_AREA, { device: 0 })
  const bytes: number[] = []
  while (bytes.length < length) {
    const count = Math.min(11, length - bytes.length)
    bytes.push(...(await desk.ask(fru.READ_FRU, { device: 0, offset: bytes.length, count })).data)
  }
  expect(desk.bmc.calls).toEqual(['fru'])
  expect(fru.decodeFru(Uint8Array.from(bytes))).toMatchObject({
    chassis: { serial: 'C1' },
    board: { manufacturer: 'Reveille', product: 'Board', serial: 'B1' },
    product: { manufacturer: 'Reveille', name: 'Fake', serial: 'S1', assetTag: 'machine-1' },
  })
  desk.bmc.failure = new Refusal('not-found', 'no driver')
  desk.clock.advance(60_000)
  const { data } = await desk.ask(fru.READ_FRU, { device: 0, offset: 0, count: 200 })
  expect(fru.decodeFru(data).product).toMatchObject({ name: 'Fake', serial: 'S1' })
  expect(await desk.refusal(fru.GET_FRU_AREA, { device: 1 })).toBe(0xcb)
  expect(await desk.refusal(fru.READ_FRU, { device: 0, offset: 60_000, count: 1 })).toBe(0xc9)
})

test('log entries are walked from the first to the last, whatever their ids are', async () => {
  const desk = new CommandDesk()
  expect(await desk.refusal(sel.GET_SEL_ENTRY, { reservation: 0, record: 0, offset: 0, count: 255 })).toBe(0xcb)
  for (const id of [65_533, 65_534, 65_535, 65_536])
    desk.bmc.log.push({ machine: 'm', id, at: 1_000_000, kind: 'power', severity: 'ok', text: 'power on' })
  const ids: number[] = []
  for (let record = sel.FIRST_RECORD; record !== sel.LAST_RECORD; ) {
    const { next, data } = await desk.ask(sel.GET_SEL_ENTRY, { reservation: 0, record, offset: 0, count: 255 })
    const entry = sel.decodeSelRecord(data)
    expect(entry).toMatchObject({ kind: 'event', time: 1000, sensorType: 0x1d })
    ids.push(entry.id)
    record = next
  }
  expect(ids).toEqual([65_533, 65_534, 1, 2])
})

test('a log is cleared only under a reservation, once, and two who read do not disturb each other', async () => {
  const desk = new CommandDesk()
  const { id } = await desk.ask(sel.RESERVE_SEL, undefined)
  expect(await desk.ask(sel.RESERVE_SEL, undefined)).toEqual({ id })
  expect(await desk.refusal(sel.CLEAR_SEL, { reservation: id + 1, starts: true })).toBe(0xc5)
  expect(desk.bmc.calls).toEqual([])
  expect(await desk.ask(sel.CLEAR_SEL, { reservation: id, starts: true })).toEqual({ isComplete: true })
  expect(await desk.ask(sel.CLEAR_SEL, { reservation: id, starts: false })).toEqual({ isComplete: true })
  expect(desk.bmc.calls).toEqual(['clearEvents by admin'])
  expect((await desk.ask(sel.GET_SEL_INFO, undefined)).lastErase).toBe(Math.floor(desk.clock.now() / 1000))
  expect(await desk.refusal(sel.CLEAR_SEL, { reservation: id, starts: true })).toBe(0xc5)
})

test("the clock is the server's: it is set only to what it says", async () => {
  const desk = new CommandDesk()
  const { time } = await desk.ask(sel.GET_SEL_TIME, undefined)
  expect(await desk.refusal(sel.SET_SEL_TIME, { time: time + 30 })).toBe(0)
  expect(await desk.refusal(sel.SET_SEL_TIME, { time: time + 3600 })).toBe(0xd5)
})
