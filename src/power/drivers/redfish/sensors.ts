import { Refusal } from '../../../kit/errors.ts'
import type { Sensor } from '../../sensor.ts'
import type { Bounds, RedfishClient } from './client.ts'
import { field, linkOf, links, list, object } from './fields.ts'
import { powerSensors, sensorOf, thermalSensors } from './readings.ts'

/** Where sensors are listed as links only, each is a request. */
const MOST_SINGLE = 64
const MOST = 512

/** Thermal and Power where there are such: they are two requests for everything. Else the collection of sensors. */
export async function readSensors(
  client: RedfishClient,
  chassis: readonly string[],
  bounds: Bounds,
): Promise<readonly Sensor[]> {
  const found: Sensor[] = []
  let places = 0
  for (const path of chassis) {
    const { body } = await client.get(path, bounds)
    const [thermal, power, sensors] = ['Thermal', 'Power', 'Sensors'].map((name) => linkOf(field(body, name)))
    if (thermal !== undefined) found.push(...thermalSensors((await client.get(thermal, bounds)).body))
    if (power !== undefined) found.push(...powerSensors((await client.get(power, bounds)).body))
    if (thermal === undefined && power === undefined && sensors !== undefined)
      found.push(...(await collected(client, sensors, bounds)))
    if (thermal !== undefined || power !== undefined || sensors !== undefined) places++
  }
  if (places === 0) throw new Refusal('wrong-state', 'this machine shows no sensors')
  return found.slice(0, MOST)
}

async function collected(client: RedfishClient, path: string, bounds: Bounds): Promise<readonly Sensor[]> {
  const { body } = await client.get(path, bounds)
  const members = list(field(body, 'Members'), MOST)
  const whole = members.filter((member) => Object.keys(object(member)).length > 1)
  if (whole.length > 0) return whole.flatMap((member) => sensorOf(member) ?? [])
  const found: Sensor[] = []
  for (const link of links(members, MOST_SINGLE)) {
    const sensor = sensorOf((await client.get(link, bounds)).body)
    if (sensor) found.push(sensor)
  }
  return found
}
