import { Refusal } from '../../kit/errors.ts'
import type { Sensor } from '../../power/sensor.ts'
import type { BmcBackEnd } from '../back-end.ts'
import { backEndOf, bodyOf, type Call, checkIfMatch, document, tagged } from './call.ts'
import {
  chassisDocument,
  powerDocument,
  sensorCollection,
  sensorDocument,
  thermalDocument,
} from './documents/chassis.ts'
import type { Machine } from './documents/system.ts'
import { type Json, Problem, type RedfishAnswer } from './messages.ts'
import { readLamp, switchLamp } from './systems.ts'

export async function getChassis(call: Call): Promise<RedfishAnswer> {
  const { machine } = backEndOf(call)
  const { lamp } = call.around.remembered.of(machine.id)
  return tagged(chassisDocument(machine, lamp), lamp)
}

export async function patchChassis(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call, 'operator')
  checkIfMatch(call, call.around.remembered.of(backEnd.machine.id).lamp)
  const fields = bodyOf(call)
  for (const name of fields.keys())
    if (name !== 'IndicatorLED' && name !== 'LocationIndicatorActive')
      throw new Problem(
        name in chassisDocument(backEnd.machine, 'Unknown') ? 'PropertyNotWritable' : 'PropertyUnknown',
        [name],
        {
          property: `#/${name}`,
        },
      )
  const lamp = readLamp(fields)
  if (lamp !== undefined) await switchLamp(call, backEnd, lamp)
  return getChassis(call)
}

export function readings(make: (machine: Machine, sensors: readonly Sensor[]) => Json) {
  return async (call: Call): Promise<RedfishAnswer> => {
    const backEnd = backEndOf(call)
    return document(make(backEnd.machine, await sensorsOf(backEnd)))
  }
}

export const getThermal = readings(thermalDocument)
export const getPower = readings(powerDocument)
export const getSensors = readings(sensorCollection)

export async function getSensor(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call)
  const found = sensorDocument(backEnd.machine, await sensorsOf(backEnd), call.at[1] ?? '')
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return document(found)
}

/** A machine that no driver reads sensors of has none. */
async function sensorsOf(backEnd: BmcBackEnd): Promise<readonly Sensor[]> {
  try {
    return await backEnd.sensors()
  } catch (error) {
    if (error instanceof Refusal && error.code === 'not-found') return []
    throw error
  }
}
