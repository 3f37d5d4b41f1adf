import type { Capability } from '../power/driver.ts'
import { type CommandClass, DEFAULT_ROUTES, type Routes } from './routes.ts'

/** A power driver of a machine, as routes and explanations need to know it. */
export type RoutedDriver = Readonly<{
  name: string
  kind: string
  capabilities: ReadonlySet<Capability>
  /** 0 (never answers) to 100. */
  score: number
  /** Whether it is asked at all now: after many failures it rests for a while. */
  resting: boolean
  lastFailure: string | null
}>

/** Where commands of a class go. `to` says what kind of target it is; `target` is its word or the name of the driver. */
export type Route = Readonly<{
  class: CommandClass
  to: 'none' | 'reveille' | 'drivers' | 'driver'
  target: string
  because: 'machine' | 'default'
}>

/** What a driver must be able to do for a class: one of these is enough to be named by a route. */
export const CLASS_NEEDS: Readonly<Record<CommandClass, readonly Capability[]>> = {
  'power.hard': ['on', 'off', 'cycle', 'reset'],
  'power.soft': ['soft'],
  bootdev: ['boot-device'],
  identify: ['identify'],
  sensors: ['sensors'],
  console: ['console'],
  fru: ['fru'],
  sel: ['events'],
  media: ['media'],
  raw: ['raw'],
}

/** Classes that Reveille can do itself, without any driver. */
const REVEILLE_DOES: ReadonlySet<CommandClass> = new Set(['bootdev', 'fru', 'sel', 'media'])
const WORDS = ['none', 'reveille', 'drivers'] as const
const DRIVER_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/

export function routeOf(routes: Routes, of: CommandClass): Route {
  const own = routes[of]
  const target = own ?? DEFAULT_ROUTES[of]
  const word = WORDS.find((each) => each === target)
  return { class: of, target, to: word ?? 'driver', because: own === undefined ? 'default' : 'machine' }
}

/** The drivers that a command goes to, in the order in which they are tried. `capability`: what the command needs. */
export function driversFor(
  { to, target }: Pick<Route, 'to' | 'target'>,
  capability: Capability,
  drivers: readonly RoutedDriver[],
): readonly RoutedDriver[] {
  if (to === 'none' || to === 'reveille') return []
  const able = drivers.filter(({ capabilities }) => capabilities.has(capability))
  return to === 'drivers' ? able : able.filter(({ name }) => name === target)
}

/** Why a class cannot be routed there, and what would work; `undefined`: it can. */
export function routeProblem(
  of: CommandClass,
  target: string,
  drivers: readonly RoutedDriver[],
): Readonly<{ message: string; next: string }> | undefined {
  const problem = wordProblem(of, target)
  if (problem !== undefined) return { message: problem, next: wouldWork(of, drivers) }
  if (WORDS.some((word) => word === target)) return undefined
  const driver = drivers.find(({ name }) => name === target)
  if (!driver) return { message: `there is no driver ${target}`, next: wouldWork(of, drivers) }
  if (CLASS_NEEDS[of].some((capability) => driver.capabilities.has(capability))) return undefined
  const message = `the driver ${target} (${driver.kind}) cannot do ${CLASS_NEEDS[of].join(', ')}`
  return { message, next: wouldWork(of, drivers) }
}

/** What is wrong with a target whatever drivers there are: for rules, which are written before their machines exist. */
export function wordProblem(of: CommandClass, target: string): string | undefined {
  if (target === 'reveille' && !REVEILLE_DOES.has(of)) return `Reveille cannot do ${of} without a driver`
  if (WORDS.some((word) => word === target) || DRIVER_NAME.test(target)) return undefined
  return 'a target is the name of a driver, drivers, reveille or none'
}

function wouldWork(of: CommandClass, drivers: readonly RoutedDriver[]): string {
  const able = drivers.filter(({ capabilities }) => CLASS_NEEDS[of].some((each) => capabilities.has(each)))
  const words = REVEILLE_DOES.has(of) ? ['reveille', 'drivers', 'none'] : ['drivers', 'none']
  const names = able.map(({ name, kind }) => `${name} (${kind})`)
  const none = able.length === 0 ? '; no driver of this machine can do it: reveille driver set' : ''
  return `${of} can go to ${[...names, ...words].join(', ')}${none}`
}
