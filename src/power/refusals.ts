import { type ErrorCode, Refusal } from '../kit/errors.ts'
import type { Capability } from './driver.ts'
import { type PowerProblem, type PowerReport, stepText } from './outcome.ts'
import type { PowerMachine } from './power.ts'

/** What each capability is called in a sentence. */
export const DEEDS: Readonly<Record<Capability, string>> = {
  state: 'tell its power state',
  on: 'switch it on',
  off: 'switch it off',
  cycle: 'power-cycle it',
  reset: 'reset it',
  soft: 'ask its system to end',
  diag: 'send it a diagnostic interrupt',
  'boot-device': 'tell its firmware what to boot',
  identify: 'light its lamp',
  sensors: 'read its sensors',
  events: 'read its event log',
  fru: 'tell what it is made of',
  console: 'open its serial console',
  media: 'put a disc into its virtual drive',
  raw: 'pass on IPMI commands',
}

export function noDriver({ name }: PowerMachine): Refusal {
  return new Refusal('not-available', `nothing is known that could switch ${name}`, {
    next: `say how it is reached: reveille driver set ${name} NAME; or switch it by hand`,
  })
}

export function noSuchDriver({ name }: PowerMachine, driver: string): Refusal {
  return new Refusal('not-found', `${name} has no driver ${driver}`, {
    next: `list them: reveille driver list ${name}`,
  })
}

export function unable({ name }: PowerMachine, capability: Capability, drivers: readonly string[]): Refusal {
  const who = drivers.length === 1 ? `the driver ${drivers[0]}` : `none of its drivers (${drivers.join(', ')})`
  return new Refusal(
    'not-available',
    `${name}: ${who} ${drivers.length === 1 ? 'cannot' : 'can'} ${DEEDS[capability]}`,
    {
      next: `add a driver that can: reveille driver set ${name} NAME`,
    },
  )
}

export function notRestarted({ name }: PowerMachine, { steps = [] }: Pick<PowerReport, 'steps'>): Refusal {
  return new Refusal('wrong-state', `${name} was not restarted: ${steps.map(stepText).join('; ')}`, {
    next: `look at its drivers: reveille driver list ${name}; add one that works, such as the outlet`,
  })
}

/** That a BMC does not let us in says nothing of the credentials of who asks us. */
function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof Refusal) || error.code === 'wrong-credentials') return 'not-available'
  return error.code
}

/** Every driver failed. One that was alone speaks for itself. */
export function allFailed(
  { name }: PowerMachine,
  capability: Capability,
  problems: readonly PowerProblem[],
  errors: readonly unknown[],
): Error {
  const [only] = errors
  if (errors.length === 1 && only instanceof Refusal)
    return new Refusal(codeOf(only), `${name}, driver ${problems.at(-1)?.driver}: ${only.message}`, {
      ...(only.next === undefined ? {} : { next: only.next }),
      problems: only.problems,
    })
  const codes = new Set(errors.map(codeOf))
  const [code = 'not-available'] = codes.size === 1 ? codes : []
  const causes = problems.map(({ driver, cause }) => `${driver}: ${cause}`).join('; ')
  return new Refusal(code, `nothing could ${DEEDS[capability]} (${name}): ${causes}`, {
    next: `look at its drivers: reveille driver list ${name}`,
  })
}
