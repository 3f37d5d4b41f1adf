import { Refusal } from '../../../kit/errors.ts'
import type { HardwareEvent } from '../../driver.ts'
import { type Bounds, type RedfishClient, Refused } from './client.ts'
import { chooseLog, eventsOf } from './facts.ts'
import { field, isPath, linkOf, links, list, object } from './fields.ts'
import type { Places } from './places.ts'

const MOST_ENTRIES = 1000
const MOST_PAGES = 20
/** Where entries are listed as links only, each is a request. */
const MOST_SINGLE = 50

export async function readLog(
  client: RedfishClient,
  places: Places,
  bounds: Bounds,
): Promise<readonly HardwareEvent[]> {
  const path = await findLog(client, places, bounds)
  const { body: service } = await client.get(path, bounds)
  let next: string | undefined = linkOf(field(service, 'Entries'))
  const members: unknown[] = []
  for (let page = 0; next !== undefined && page < MOST_PAGES && members.length < MOST_ENTRIES; page++) {
    const { body }: { body: Readonly<Record<string, unknown>> } = await client.get(next, bounds)
    members.push(...list(field(body, 'Members'), MOST_ENTRIES - members.length))
    const more = field(body, 'Members@odata.nextLink') ?? field(body, '@odata.nextLink')
    next = typeof more === 'string' && isPath(more) && more !== next ? more : undefined
  }
  return eventsOf(await whole(client, members, bounds))
}

async function whole(client: RedfishClient, members: readonly unknown[], bounds: Bounds): Promise<readonly unknown[]> {
  if (members.some((member) => Object.keys(object(member)).length > 1)) return members
  const entries: unknown[] = []
  for (const path of links(members, MOST_SINGLE)) entries.push((await client.get(path, bounds)).body)
  return entries
}

export async function clearLog(client: RedfishClient, places: Places, bounds: Bounds): Promise<void> {
  const path = await findLog(client, places, bounds)
  const { body } = await client.get(path, bounds)
  const target = linkOf({ '@odata.id': field(body, 'Actions', '#LogService.ClearLog', 'target') })
  if (target === undefined) throw new Refusal('wrong-state', `the log ${path} cannot be cleared`)
  await client.post(target, {}, bounds)
}

/** Managers have their log in one place and systems in another; most machines have only one of both. */
async function findLog(client: RedfishClient, { managers, system }: Places, bounds: Bounds): Promise<string> {
  const found: string[] = []
  for (const owner of [...managers, system]) {
    const { body } = await client.get(owner, bounds)
    const services = linkOf(field(body, 'LogServices'))
    if (services === undefined) continue
    try {
      found.push(...links(field((await client.get(services, bounds)).body, 'Members'), 20))
    } catch (error) {
      if (!(error instanceof Refused) || error.status !== 404) throw error
    }
  }
  const log = chooseLog(found)
  if (log === undefined) throw new Refusal('wrong-state', 'this machine has no event log')
  return log
}
