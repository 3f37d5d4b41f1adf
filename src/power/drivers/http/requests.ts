import { Refusal } from '../../../kit/errors.ts'
import type { PowerAction } from '../../power.ts'
import type { SettingsOf } from '../../settings.ts'
import { isPointer } from './json-pointer.ts'
import { PRESETS, type Preset, type PresetRequest } from './presets.ts'
import { namesIn, type Place, render, type Values } from './template.ts'

type HttpSettings = SettingsOf<'http'>
export type HttpRequest = HttpSettings['bootFromDisk'] & object
export type StateRequest = HttpSettings['state'] & object

/** Everything that a driver may ask, with names still in it. */
export type Requests = Readonly<{
  actions: Readonly<Partial<Record<PowerAction, HttpRequest>>>
  state: StateRequest | null
  bootFromNetwork: HttpRequest | null
  bootFromDisk: HttpRequest | null
  variables: Readonly<Record<string, string>>
}>

/** What the connection decides, not the settings. */
const OURS = new Set(['host', 'content-length', 'transfer-encoding', 'connection', 'upgrade', 'expect'])
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Names that settings may not give a value to. */
const RESERVED = ['token', 'user', 'password', 'mac', 'machine']
const ACCEPTED = [200, 201, 202, 204]

/** Preset and settings together; what the settings say wins. Refused (`validation-failed`) where they make no request. */
export function requestsOf(settings: HttpSettings): Requests {
  const preset = settings.preset === null ? undefined : presetOf(settings.preset)
  const taken = Object.keys(settings.variables).find((name) => RESERVED.includes(name))
  if (taken !== undefined)
    throw invalid(`the variable ${taken} cannot be set`, `${RESERVED.join(', ')} are given by the server`)
  const variables = { ...preset?.optional, ...settings.variables }
  const missing = Object.entries(preset?.needs ?? {}).filter(([name]) => (variables[name] ?? '') === '')
  if (missing.length > 0)
    throw invalid(
      `the preset ${settings.preset} needs ${missing.map(([name]) => name).join(', ')}`,
      `set the variables ${missing.map(([name, what]) => `${name} (${what})`).join(', ')}`,
    )
  const whole = (request: PresetRequest | undefined) => (request ? complete(request, preset) : null)
  const requests: Requests = {
    actions: {
      ...Object.fromEntries(Object.entries(preset?.actions ?? {}).map(([name, request]) => [name, whole(request)])),
      ...settings.actions,
    },
    state: settings.state ?? stateOf(preset),
    bootFromNetwork: settings.bootFromNetwork ?? whole(preset?.bootFromNetwork),
    bootFromDisk: settings.bootFromDisk ?? whole(preset?.bootFromDisk),
    variables,
  }
  check(requests)
  return requests
}

function presetOf(name: string): Preset {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined
  if (!preset) throw invalid(`there is no preset ${name}`, `there are ${Object.keys(PRESETS).sort().join(', ')}`)
  return preset
}

function complete({ method, path, body, headers, expect }: PresetRequest, preset: Preset | undefined): HttpRequest {
  return {
    method: method ?? 'GET',
    path,
    headers: { ...preset?.headers, ...headers },
    body: body ?? null,
    expect: [...(expect ?? ACCEPTED)],
  }
}

function stateOf(preset: Preset | undefined): StateRequest | null {
  const state = preset?.state
  if (!state) return null
  return { ...complete(state, preset), pointer: state.pointer, on: [...state.on], off: [...state.off] }
}

function check(requests: Requests): void {
  const all = [
    ...Object.values(requests.actions),
    requests.state,
    requests.bootFromNetwork,
    requests.bootFromDisk,
  ].filter((request) => request !== null)
  if (all.length === 0) throw invalid('the driver has no request', 'name a preset, or give it actions or a state')
  for (const request of all) checkRequest(request, requests.variables)
  const pointer = requests.state?.pointer ?? ''
  if (!isPointer(pointer))
    throw invalid(`${pointer} is no JSON pointer`, 'write it as /name/of/value (RFC 6901); `~` is ~0 and `/` is ~1')
  for (const word of requests.state?.on ?? [])
    if (requests.state?.off.some((other) => same(other, word)))
      throw invalid(`the state ${word} means on and off`, 'let each word mean one of them')
}

function checkRequest({ path, headers, body, method }: HttpRequest, variables: Readonly<Record<string, string>>): void {
  if (!/^($|[/?])/.test(path)) throw invalid(`the path ${path} begins with neither / nor ?`, 'write it below `url`')
  if (/[^\x21-\x7e]|#/.test(path)) throw invalid(`the path ${path} has characters that no address has`, 'encode them')
  if (body !== null && method === 'GET') throw invalid('a GET request has a body', 'use POST, or leave the body out')
  for (const name of Object.keys(headers))
    if (!HEADER_NAME.test(name) || OURS.has(name.toLowerCase()))
      throw invalid(`the header ${name} cannot be set`, 'leave it out')
  const texts = [path, body ?? '', ...Object.values(headers)]
  for (const name of texts.flatMap(namesIn))
    if (!RESERVED.includes(name) && !Object.hasOwn(variables, name))
      throw invalid(`{${name}} stands in a request, but there is no such variable`, `set the variable ${name}`)
}

/** Whether two words of a state mean the same: makers are not sure about case. */
export function same(one: string, other: string): boolean {
  return one.trim().toLowerCase() === other.trim().toLowerCase()
}

/** A request whose values are in their places. */
export type Ready = Readonly<{ method: string; url: URL; headers: Record<string, string>; body: string | null }>

export function ready(base: string, request: HttpRequest, values: Values): Ready {
  const below = base.replace(/\/+$/, '') + render(request.path, values, 'path')
  const url = new URL(below)
  const headers: Record<string, string> = {}
  for (const [name, template] of Object.entries(request.headers))
    headers[name.toLowerCase()] = render(template, values, 'header')
  const body =
    request.body === null ? null : render(request.body, values, placeOf(headers['content-type'], request.body))
  if (body !== null && headers['content-type'] === undefined && placeOf(undefined, request.body ?? '') === 'json')
    headers['content-type'] = 'application/json'
  return { method: request.method, url, headers, body }
}

function placeOf(contentType: string | undefined, body: string): Place {
  if (contentType?.startsWith('application/x-www-form-urlencoded')) return 'form'
  if (/^application\/([\w.-]+\+)?json/.test(contentType ?? '')) return 'json'
  return contentType === undefined && /^\s*[[{]/.test(body) ? 'json' : 'text'
}

function invalid(what: string, next: string): Refusal {
  return new Refusal('validation-failed', what, { next })
}
