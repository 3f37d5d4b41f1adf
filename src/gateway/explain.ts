import type { BootDevice } from '../power/boot-order.ts'
import { stepsTo } from '../power/choice.ts'
import type { Bmc } from './bmc.ts'
import { obeyedBy } from './boot-orders.ts'
import type { CommandClass } from './routes.ts'
import { driversFor, type Route, type RoutedDriver, routeOf, routeProblem } from './routing.ts'
import { readCommand, WRITTEN_AS, type WrittenCommand } from './written-command.ts'

/** Where a command would go. `steps` are sentences in the order in which it would happen. */
export type RouteExplanation = Readonly<{
  command: string
  class: CommandClass | null
  target: string
  because: 'machine' | 'default' | 'fixed'
  steps: readonly string[]
  works: boolean
}>

export type ExplainFacts = Readonly<{
  bmc: Pick<Bmc, 'routes' | 'enabled' | 'rule' | 'media'>
  machine: Readonly<{ name: string; profile: string | null; profileKind: string | null }>
  drivers: readonly RoutedDriver[]
}>

/** What would become of a command, without doing it. */
export function explainCommand(text: string, facts: ExplainFacts): RouteExplanation {
  const command = text.trim()
  const read = readCommand(command)
  if (!read) {
    const steps = [`Nobody here knows what "${command}" means.`, `To have it explained, ${WRITTEN_AS}.`]
    return { command, class: null, target: 'none', because: 'fixed', steps, works: false }
  }
  const off = facts.bmc.enabled
    ? []
    : [`The BMC of ${facts.machine.name} is switched off and answers nobody until it is enabled.`]
  if (read.class === null || read.capability === null) {
    const steps = [...off, `"${command}" is ${read.what}: Reveille answers it itself, and no driver is asked.`]
    return { command, class: null, target: 'reveille', because: 'fixed', steps, works: facts.bmc.enabled }
  }
  const route = routeOf(facts.bmc.routes, read.class)
  const told = follow(read, route, facts)
  const steps = [
    ...off,
    `"${command}" is ${read.what}, which belongs to ${read.class}.`,
    whence(route, facts),
    ...told.steps,
  ]
  const { target, because } = route
  return { command, class: read.class, target, because, steps, works: told.works && facts.bmc.enabled }
}

function whence({ class: of, target, to, because }: Route, { bmc, machine }: ExplainFacts): string {
  const where = {
    none: 'to nobody: it is refused',
    reveille: 'to Reveille itself',
    drivers: `to the drivers of ${machine.name}, in their order`,
    driver: `to its driver ${target}`,
  }[to]
  if (because === 'default')
    return `${machine.name} has no route of its own for ${of}, so the default counts: it goes ${where}.`
  return `${machine.name} routes ${of} ${where}${bmc.rule === null ? '' : ` (as the rule ${bmc.rule} may have said)`}.`
}

type Told = Readonly<{ steps: readonly string[]; works: boolean }>

function follow(read: WrittenCommand, route: Route, facts: ExplainFacts): Told {
  if (route.to === 'none')
    return {
      steps: ['The client is told that the BMC does not know this command (completion code C1h).'],
      works: false,
    }
  if (route.to === 'reveille') return byReveille(read, facts)
  const capability = read.capability ?? 'raw'
  // Those that rest are asked, too, but last.
  const able = driversFor(route, capability, facts.drivers).toSorted((a, b) => Number(a.resting) - Number(b.resting))
  if (able.length === 0 && capability === 'cycle') {
    const together = byTwo(route, facts.drivers)
    if (together) return { steps: together, works: true }
  }
  if (able.length === 0) return { steps: unable(read, route, facts), works: false }
  const also = read.class === 'bootdev' && read.device ? reveilleToo(read.device) : []
  return {
    steps: [...tried(able, facts.drivers, route, capability), ...also],
    works: true,
  }
}

/** The drivers that are asked one after the other. */
function tried(
  able: readonly RoutedDriver[],
  all: readonly RoutedDriver[],
  { to }: Route,
  capability: string,
): string[] {
  const skipped = to === 'drivers' ? all.filter((driver) => !able.includes(driver)) : []
  const steps = skipped.map(({ name, kind }) => `${name} (${kind}) is passed over: it cannot do ${capability}.`)
  for (const [place, driver] of able.entries()) {
    const which = place === 0 ? '' : 'If that fails, '
    steps.push(
      `${which}${driver.name} (${driver.kind}) is asked; it can do ${[...driver.capabilities].join(', ')}, and ${healthOf(driver)}.`,
    )
  }
  const last =
    able.length === 1 && to === 'driver'
      ? 'If it fails, nothing else is tried, for the route names one driver:'
      : 'If all fail,'
  return [...steps, `${last} the client is answered with an error, and the log of the BMC says why.`]
}

/** A cycle that nobody can do at once. */
function byTwo({ to, target }: Route, drivers: readonly RoutedDriver[]): string[] | undefined {
  const asked = to === 'driver' ? drivers.filter(({ name }) => name === target) : drivers
  const steps = stepsTo('cycle', new Set(asked.flatMap(({ capabilities }) => [...capabilities])))
  if (!steps) return undefined
  const who = steps.map((step) => {
    const names = asked
      .filter(({ capabilities }) => capabilities.has(step))
      .map(({ name, kind }) => `${name} (${kind})`)
    return `${step} goes to ${names.join(', else ')}`
  })
  return [
    `No driver can do it alone: ${steps.join(' and then ')} are ordered, one after the other.`,
    `${who.join('; ')}.`,
    'If one of them fails, the client is answered with an error, and the log of the BMC says why.',
  ]
}

function healthOf({ score, resting, lastFailure }: RoutedDriver): string {
  const why = lastFailure === null ? '' : `; it failed last because ${lastFailure}`
  return resting ? `it rests now after many failures${why}` : `its health is ${score} of 100${score < 100 ? why : ''}`
}

function unable({ class: of, capability }: WrittenCommand, route: Route, { drivers, machine }: ExplainFacts): string[] {
  if (of === null) return []
  if (route.to === 'driver') {
    const driver = drivers.find(({ name }) => name === route.target)
    const { message, next } = routeProblem(of, route.target, drivers) ?? {
      message: `the driver ${route.target} (${driver?.kind}) cannot do ${capability}`,
      next: `route ${of} to another driver, or to drivers`,
    }
    return [`It would not work: ${message}.`, `What would: ${next}.`]
  }
  const has = drivers.map(({ name, kind }) => `${name} (${kind})`).join(', ')
  return [
    drivers.length === 0
      ? `It would not work: ${machine.name} has no driver.`
      : `It would not work: none of its drivers can do ${capability} (it has ${has}).`,
    'The client is told that the BMC does not know this command (completion code C1h).',
    `What would: a driver that can: reveille driver set ${machine.name} NAME --kind ...`,
  ]
}

function byReveille(read: WrittenCommand, facts: ExplainFacts): Told {
  const { machine, bmc } = facts
  switch (read.class) {
    case 'bootdev':
      if (read.device == null)
        return {
          steps: [
            'Reveille keeps the order, shows it when asked, and obeys it when the machine boots from the network.',
          ],
          works: true,
        }
      return bootByReveille(read.device, facts)
    case 'fru':
      return {
        steps: [`Reveille tells what it saw of ${machine.name} when it booted, and its inventory.`],
        works: true,
      }
    case 'sel':
      return { steps: ['Reveille tells its own log: power, boots, logins and deployments.'], works: true }
    case 'media':
      return {
        steps: [
          `The disc is an image of this server or an address; ${machine.name} boots it at its next start, once${bmc.media === null ? '' : `; now ${bmc.media} is inserted`}.`,
        ],
        works: true,
      }
    default:
      return { steps: [`Reveille cannot do ${read.class ?? 'this'} without a driver.`], works: false }
  }
}

function bootByReveille(device: BootDevice, { machine, bmc }: ExplainFacts): Told {
  const obeyed = obeyedBy(device)
  if (obeyed === 'nobody')
    return {
      steps: [`It is refused: Reveille cannot make firmware do this. Route bootdev to a driver that can.`],
      works: false,
    }
  const keeps =
    'Reveille keeps the order over restarts and shows it when asked; one for the next boot is used up when it was obeyed.'
  const asks = `The firmware of ${machine.name} must boot from the network first, as always; to tell the firmware, too, route bootdev to drivers.`
  if (obeyed === 'disk')
    return {
      steps: [keeps, `When ${machine.name} asks for its boot script, it is told to boot its own disk.`, asks],
      works: true,
    }
  if (obeyed === 'media') {
    const disc = bmc.media === null ? 'no disc is inserted, so it boots its profile' : `it is told to boot ${bmc.media}`
    return { steps: [keeps, `When ${machine.name} asks for its boot script, ${disc}.`, asks], works: true }
  }
  const local = machine.profileKind === 'local' || machine.profileKind === 'install'
  const boots =
    machine.profile === null
      ? 'it has no profile, so it waits there'
      : local
        ? `its profile ${machine.profile} lets it boot its own disk all the same`
        : `it boots its profile ${machine.profile}`
  return { steps: [keeps, `When ${machine.name} asks for its boot script, ${boots}.`, asks], works: true }
}

function reveilleToo(device: BootDevice): string[] {
  return obeyedBy(device) === 'nobody' ? [] : ['Reveille keeps the order, too, and shows it when asked.']
}
