import { createHash } from 'node:crypto'
import { Refusal } from '../../kit/errors.ts'
import type { Inventory } from '../../machines/inventory.ts'
import type { BmcBackEnd, BmcCaller, BmcDirectory } from '../back-end.ts'
import type { Privilege } from '../bmc.ts'
import { type Account, type Membership, mayDo } from './accounts.ts'
import { type Json, Problem, problemOf, type RedfishAnswer } from './messages.ts'
import type { Remembered } from './remembered.ts'
import type { RedfishSession, RedfishSessions } from './sessions.ts'

export type RedfishRequest = Readonly<{
  method: string
  /** Decoded, without query. */
  path: string
  query: URLSearchParams
  /** By lower-case name. */
  headers: Readonly<Record<string, string | undefined>>
  body: string
  /** Of the client. */
  address: string
}>

export type Around = Readonly<{
  directory: BmcDirectory
  sessions: RedfishSessions
  remembered: Remembered
  now: () => number
  /** What the management OS found in a machine (by id), if it ever ran there. */
  inventory: (machine: string) => Promise<Inventory | undefined>
  /** Of the service root. */
  uuid: string
  /** Entries that a log keeps. */
  events: number
}>

/** A request of somebody known. */
export type Call = Readonly<{
  around: Around
  request: RedfishRequest
  account: Account
  session: RedfishSession | undefined
  /** What the path's places hold, in their order. */
  at: readonly string[]
}>

/** The account at the machine that the path names, by id or name; whose it is not learns only that it is not there. */
export function membershipOf(call: Call, machine = call.at[0] ?? ''): Membership {
  const found =
    call.account.memberships.find(({ backEnd }) => backEnd.machine.id === machine) ??
    call.account.memberships.find(({ backEnd }) => backEnd.machine.name === machine)
  if (!found) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return found
}

/** The back end of the machine that the path names, for somebody with this privilege. */
export function backEndOf(call: Call, needed: Privilege = 'user'): BmcBackEnd {
  const membership = membershipOf(call)
  if (!mayDo(membership.user, needed)) throw new Problem('InsufficientPrivilege')
  return membership.backEnd
}

export function callerOf({ account, request }: Call): BmcCaller {
  return { face: 'redfish', user: account.name, address: request.address }
}

/** The fields of a JSON body. An action without parameters may have none. Throws a `Problem`. */
export function bodyOf(
  { request }: Call | { request: RedfishRequest },
  empty: 'refused' | 'fine' = 'refused',
): Map<string, unknown> {
  if (request.body === '' && empty === 'fine') return new Map()
  const type = request.headers['content-type']
  if (type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) throw new Problem('UnsupportedMediaType')
  let parsed: unknown
  try {
    parsed = JSON.parse(request.body)
  } catch {
    throw new Problem('MalformedJSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new Problem('UnrecognizedRequestBody')
  // DSP0266: OData annotations in a request are ignored.
  return new Map(Object.entries(parsed).filter(([name]) => !name.startsWith('@odata.')))
}

export const NOTHING: RedfishAnswer = { status: 204, headers: {} }

export function document(body: Json, headers: Readonly<Record<string, string>> = {}): RedfishAnswer {
  return { status: 200, headers, body }
}

/**
 * A resource that can be changed, with its ETag. `changeable` is what the ETag is of: readings that move by themselves would make
 * every If-Match fail.
 */
export function tagged(body: Json, changeable: unknown): RedfishAnswer {
  const etag = etagOf(changeable)
  return { status: 200, headers: { etag }, body: { '@odata.etag': etag, ...body } }
}

export function etagOf(changeable: unknown): string {
  return `"${createHash('sha256').update(JSON.stringify(changeable)).digest('hex').slice(0, 16)}"`
}

/** RFC 9110 §13.1.1. A weak tag counts as the strong one: clients send what they read with or without `W/`. */
export function checkIfMatch({ request }: Call, changeable: unknown): void {
  const given = request.headers['if-match']
  if (given === undefined) return
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (!tags.includes('*') && !tags.includes(etagOf(changeable))) throw new Problem('PreconditionFailed')
}

/** Reads what may fail; what was refused is kept as a problem to be shown. */
export async function attempt<Value>(read: () => Promise<Value>, instead: Value, problems: Problem[]): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    // That nobody can read it is no failure.
    if (error.code !== 'not-found') problems.push(problemOf(error))
    return instead
  }
}
