import { Refusal } from '../../../kit/errors.ts'
import type { Bounds, RedfishClient } from './client.ts'
import { type Document, field, linkOf, links, text } from './fields.ts'

/** Where things of one machine are; found once and looked for again when something is gone. */
export type Places = Readonly<{
  system: string
  managers: readonly string[]
  chassis: readonly string[]
  version: string
}>
export type System = Readonly<{ path: string; body: Document; etag: string | undefined }>

const MOST_SYSTEMS = 256

/** Finds the system: the one that the settings name by its Id, name, UUID or path, else the only one. */
export async function findPlaces(client: RedfishClient, wanted: string | null, bounds: Bounds): Promise<Places> {
  const { body: root } = await client.get('/redfish/v1/', bounds)
  const collection = linkOf(field(root, 'Systems')) ?? '/redfish/v1/Systems'
  const { body: systems } = await client.get(collection, bounds)
  const paths = links(field(systems, 'Members'), MOST_SYSTEMS)
  const path = await chosen(client, paths, wanted, bounds)
  const { body } = await client.get(path, bounds)
  return {
    system: path,
    managers: links(field(body, 'Links', 'ManagedBy'), 8),
    chassis: links(field(body, 'Links', 'Chassis'), 8),
    version: text(field(root, 'RedfishVersion')) ?? '',
  }
}

async function chosen(
  client: RedfishClient,
  paths: readonly string[],
  wanted: string | null,
  bounds: Bounds,
): Promise<string> {
  const ids = paths.map((path) => path.replace(/\/+$/, '').split('/').at(-1) ?? '')
  if (wanted === null) {
    if (paths.length === 1) return paths[0]!
    if (paths.length === 0) throw new Refusal('wrong-state', `${client.host} has no system that this account sees`)
    throw new Refusal('wrong-state', `${client.host} has ${paths.length} systems: ${shownIds(ids)}`, {
      next: 'set the system of the driver to one of them',
    })
  }
  const direct = paths.find(
    (path, index) => ids[index] === wanted || path.replace(/\/+$/, '') === wanted.replace(/\/+$/, ''),
  )
  if (direct !== undefined) return direct
  for (const path of paths) {
    const { body } = await client.get(path, bounds)
    const names = ['Id', 'Name', 'UUID', 'HostName', 'SerialNumber'].map((name) =>
      text(field(body, name))?.toLowerCase(),
    )
    if (names.includes(wanted.toLowerCase())) return path
  }
  throw new Refusal('wrong-state', `${client.host} has no system ${wanted}, but ${shownIds(ids) || 'none'}`, {
    next: 'correct the system of the driver',
  })
}

const shownIds = (ids: readonly string[]) =>
  `${ids.slice(0, 10).join(', ')}${ids.length > 10 ? ` and ${ids.length - 10} more` : ''}`
