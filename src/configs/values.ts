import type { Machine } from '../machines/machine.ts'
import type { ConfigProblem, Value, ValueScope, Variable } from './config.ts'
import type { BootFacts, IscsiFacts } from './facts.ts'
import type { Scope } from './template.ts'

/** Nearest first: of the machine, of its tags in their order, of all. */
export function scopesOf({ id, tags }: Pick<Machine, 'id' | 'tags'>): ValueScope[] {
  return [`machine:${id}`, ...tags.map((tag): ValueScope => `tag:${tag}`), 'all']
}

/** The value that counts for a machine; `undefined`: none is set. */
export function valueFor(
  name: string,
  machine: Pick<Machine, 'id' | 'tags'>,
  find: (scope: ValueScope, name: string) => Value | undefined,
): Value | undefined {
  for (const scope of scopesOf(machine)) {
    const value = find(scope, name)
    if (value) return value
  }
  return undefined
}

/** What stands for a value where nobody has set one and that does not matter. */
export function sampleOf({ type, default: given }: Variable): unknown {
  if (given !== null) return given
  return { string: 'sample', number: 1, boolean: true, list: ['sample'], secret: 'sample-secret' }[type]
}

/** Why a value does not fit its variable, as the end of a sentence; `undefined`: it does. */
export function misfitOf({ type }: Pick<Variable, 'type'>, value: unknown): string | undefined {
  const fits = {
    string: typeof value === 'string',
    number: typeof value === 'number',
    boolean: typeof value === 'boolean',
    list: Array.isArray(value) && value.every((item) => typeof item === 'string'),
    secret: typeof value === 'string',
  }[type]
  return fits ? undefined : `is no ${type === 'list' ? 'list of texts' : type}`
}

export type Resolved = Readonly<{ scope: Scope; usedSecret: () => boolean }>

/**
 * The variables of a config for one machine, beside the facts. `open` unseals; a secret is unsealed only when a template asks for it,
 * which is how a part is known to hold one. `secrets: 'hidden'` shows [secret] instead.
 */
export function resolve(
  variables: readonly Variable[],
  facts: Readonly<Record<string, unknown>> & Readonly<{ boot?: object & Pick<BootFacts, 'iscsi'> }>,
  around: Readonly<{
    value: (name: string) => Value | undefined
    open: (value: Value) => string
    secrets: 'revealed' | 'hidden'
    samples: boolean
  }>,
): Resolved & Readonly<{ problems: readonly Omit<ConfigProblem, 'part'>[] }> {
  let used = false
  const problems: Omit<ConfigProblem, 'part'>[] = []
  const scope: Record<string, unknown> = { ...facts }
  const reveal = (value: () => unknown) => {
    used = true
    return around.secrets === 'hidden' ? '[secret]' : value()
  }
  const { boot } = facts
  if (boot?.iscsi) scope.boot = { ...boot, iscsi: withSecret(boot.iscsi, reveal) }
  const missing = (name: string, message: string, hint: string) =>
    problems.push({ severity: 'error', path: `$.variables.${name}`, at: null, message, hint })
  for (const variable of variables) {
    const { name } = variable
    const found = around.value(name)
    const sealed = found?.sealed ?? null
    if (sealed !== null && variable.type !== 'secret' && variable.type !== 'string') {
      missing(name, `the value of ${name} is a secret, and no ${variable.type}`, 'set a value that is none')
      scope[name] = sampleOf(variable)
      continue
    }
    const isText = found === undefined ? around.samples : sealed !== null || typeof found.value === 'string'
    // What the config keeps secret is one, however its value was set.
    if (sealed !== null || (variable.type === 'secret' && isText)) {
      Object.defineProperty(scope, name, {
        enumerable: true,
        configurable: true,
        get: () =>
          reveal(() => {
            if (!found) return sampleOf(variable)
            return found.sealed === null ? found.value : around.open(found)
          }),
      })
      continue
    }
    const value = found ? found.value : (variable.default ?? (around.samples ? sampleOf(variable) : undefined))
    if (value === undefined || value === null) {
      missing(name, `the variable ${name} has no value for this machine`, `set it: reveille config set ${name} VALUE`)
      scope[name] = sampleOf(variable)
      continue
    }
    const misfit = misfitOf(variable, value)
    if (misfit !== undefined) missing(name, `the value of ${name} ${misfit}`, 'set another value')
    scope[name] = misfit === undefined ? value : sampleOf(variable)
  }
  return { scope, usedSecret: () => used, problems }
}

/** Where no secret is asked for there is none to hide: a template may ask whether there is one. */
function withSecret(login: IscsiFacts, reveal: (value: () => unknown) => unknown): object {
  if (login.secret === '') return login
  const get = () => reveal(() => login.secret)
  return Object.defineProperty({ ...login }, 'secret', { enumerable: true, get })
}
