import type { Inventory } from '../../machines/inventory.ts'
import type { BmcBackEnd } from '../back-end.ts'
import { readBootChange } from './boot.ts'
import { attempt, backEndOf, bodyOf, type Call, callerOf, checkIfMatch, document, NOTHING, tagged } from './call.ts'
import {
  interfaceDocument,
  interfaces,
  type Lamp,
  type Machine,
  resetActionInfo,
  type SystemFacts,
  systemDocument,
} from './documents/system.ts'
import { type Json, Problem, type RedfishAnswer } from './messages.ts'
import { PATHS } from './paths.ts'
import { RESET_TYPES, readReset } from './reset.ts'

const LAMPS = ['Lit', 'Blinking', 'Off'] as const

async function factsOf({ around }: Call, backEnd: BmcBackEnd): Promise<SystemFacts> {
  const problems: Problem[] = []
  const [power, boot, inventory] = await Promise.all([
    attempt(() => backEnd.powerState(), 'unknown' as const, problems),
    attempt(() => backEnd.bootOrder(), null, problems),
    around.inventory(backEnd.machine.id),
  ])
  return { power, boot, inventory, ...around.remembered.of(backEnd.machine.id), problems }
}

const changeableOf = ({ boot, efi, lamp }: SystemFacts) => [boot, efi, lamp]

export async function getSystem(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call)
  const facts = await factsOf(call, backEnd)
  return tagged(systemDocument(backEnd.machine, facts), changeableOf(facts))
}

/** Boot and lamp. Everything is read before anything is changed, so that a refused PATCH changes nothing. */
export async function patchSystem(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call, 'operator')
  const facts = await factsOf(call, backEnd)
  checkIfMatch(call, changeableOf(facts))
  const fields = bodyOf(call)
  const known = ['Boot', 'IndicatorLED', 'LocationIndicatorActive']
  for (const name of fields.keys())
    if (!known.includes(name))
      throw new Problem(
        name in systemDocument(backEnd.machine, facts) ? 'PropertyNotWritable' : 'PropertyUnknown',
        [name],
        {
          property: `#/${name}`,
        },
      )
  const patch = fields.get('Boot')
  const mediaInserted = backEnd.media() !== null
  const boot =
    patch === undefined ? undefined : readBootChange(patch, { order: facts.boot, efi: facts.efi, mediaInserted })
  const lamp = readLamp(fields)
  if (boot?.order !== undefined) await backEnd.setBootOrder(boot.order, callerOf(call))
  if (boot?.efi !== undefined) call.around.remembered.set(backEnd.machine.id, { efi: boot.efi })
  if (lamp !== undefined) await switchLamp(call, backEnd, lamp)
  return getSystem(call)
}

/** Reads IndicatorLED, or LocationIndicatorActive, which came in its place. */
export function readLamp(fields: ReadonlyMap<string, unknown>): Lamp | undefined {
  const led = fields.get('IndicatorLED')
  const active = fields.get('LocationIndicatorActive')
  if (active !== undefined && typeof active !== 'boolean')
    throw new Problem('PropertyValueTypeError', ['LocationIndicatorActive'], { property: '#/LocationIndicatorActive' })
  if (led === undefined) return active === undefined ? undefined : active ? 'Lit' : 'Off'
  const lamp = LAMPS.find((one) => one === led)
  if (lamp === undefined)
    throw new Problem('PropertyValueNotInList', [String(led), 'IndicatorLED'], { property: '#/IndicatorLED' })
  return lamp
}

export async function switchLamp({ around }: Call, backEnd: BmcBackEnd, lamp: Lamp): Promise<void> {
  await backEnd.identify(lamp === 'Off' ? 0 : null)
  around.remembered.set(backEnd.machine.id, { lamp })
}

export async function resetSystem(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call, 'operator')
  const type = readReset(bodyOf(call), 'ComputerSystem.Reset', Object.keys(RESET_TYPES))
  await backEnd.perform(RESET_TYPES[type]!, callerOf(call))
  return NOTHING
}

export async function getSystemResetInfo(call: Call): Promise<RedfishAnswer> {
  return document(resetActionInfo(PATHS.system(backEndOf(call).machine.id), Object.keys(RESET_TYPES)))
}

/** Parts of the machine that its inventory tells of. */
export function listedParts(make: (machine: Machine, inventory: Inventory | undefined) => Json) {
  return async (call: Call): Promise<RedfishAnswer> => {
    const { machine } = backEndOf(call)
    return document(make(machine, await call.around.inventory(machine.id)))
  }
}

export function onePart(make: (machine: Machine, inventory: Inventory | undefined, id: string) => Json | undefined) {
  return async (call: Call): Promise<RedfishAnswer> => {
    const { machine } = backEndOf(call)
    const found = make(machine, await call.around.inventory(machine.id), call.at[1] ?? '')
    if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
    return document(found)
  }
}

export async function getInterfaces(call: Call): Promise<RedfishAnswer> {
  return document(interfaces(backEndOf(call).machine))
}

export async function getInterface(call: Call): Promise<RedfishAnswer> {
  const found = interfaceDocument(backEndOf(call).machine, call.at[1] ?? '')
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return document(found)
}
