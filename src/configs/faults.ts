import { Refusal } from '../kit/errors.ts'
import type { Config, ConfigProblem } from './config.ts'
import type { DeclaredConfig } from './declared.ts'
import { RESERVED } from './facts.ts'
import { DELIVERIES } from './kinds.ts'

/** Bytes of all parts of a version. */
const MOST_BYTES = 4 * 1024 * 1024
type Found = ConfigProblem & Readonly<{ machine: string | null }>

/** What is wrong with a draft before it is even rendered. */
export function faultsOf({
  kind,
  parts,
  variables,
}: Pick<DeclaredConfig, 'kind' | 'parts' | 'variables'>): ConfigProblem[] {
  const fault = (part: string, message: string, hint = ''): ConfigProblem => {
    return { severity: 'error', part, path: '$', at: null, message, hint }
  }
  const faults: ConfigProblem[] = []
  const wanted = kind === 'snippet' ? ['main'] : DELIVERIES[kind].map(({ part }) => part)
  const bytes = parts.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0)
  if (bytes > MOST_BYTES) faults.push(fault('main', `its parts are larger than ${MOST_BYTES} bytes together`))
  for (const [index, { name }] of parts.entries()) {
    if (parts.findIndex((each) => each.name === name) < index) faults.push(fault(name, `there are two parts ${name}`))
    if (kind !== 'butane' && !wanted.includes(name))
      faults.push(fault(name, `a config of kind ${kind} has no part ${name}`, `its parts are ${wanted.join(', ')}`))
  }
  if (kind === 'snippet' && parts.length !== 1) faults.push(fault('main', 'a snippet has one part, main'))
  for (const [index, { name, type, default: given }] of variables.entries()) {
    if (RESERVED.some((word) => word === name)) faults.push(fault('variables', `a variable cannot be named ${name}`))
    if (variables.findIndex((each) => each.name === name) < index)
      faults.push(fault('variables', `there are two variables ${name}`))
    if (type === 'secret' && given !== null)
      faults.push(fault('variables', `the secret ${name} has a default`, 'leave it out, and set its value'))
  }
  return faults
}

/** Refuses where there are errors among the problems. */
export function refuseFaults({ problems }: Readonly<{ problems: readonly Found[] }>, config?: string): void {
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return
  const [first] = errors
  const where = first?.at ? `${first.part} line ${first.at.line}, column ${first.at.column}: ` : ''
  const on = first?.machine ? ` (on ${first.machine})` : ''
  const of = config === undefined ? '' : `config ${config}: `
  throw new Refusal('validation-failed', `${of}${where}${first?.message}${on}`, {
    next: first?.hint || 'correct it; nothing was kept',
    problems: errors.map(({ part, at, path, message, machine }) => ({
      path: `${part}${at ? `:${at.line}:${at.column}` : ''} ${path}`,
      message: machine === null ? message : `${message} (on ${machine})`,
    })),
  })
}

/** What is wrong with the value of a secret, without the words that may hold it. */
export function withoutWords({ severity, part, at }: ConfigProblem): ConfigProblem {
  const message = 'the value of a secret does not fit here'
  return { severity, part, at, path: '$', message, hint: 'set another value of it' }
}

/** What two problems have in common that are one. */
export function wordsOf({ part, at, path, message }: ConfigProblem): string {
  return JSON.stringify([part, at, path, message])
}

/** Refuses the removal of what is used; `users`: profiles, or configs that include it. */
export function refuseUsed({ name, kind }: Pick<Config, 'name' | 'kind'>, users: readonly string[]): void {
  const [first] = users
  if (first === undefined) return
  const [what, change] =
    kind === 'snippet' ? ['config', `config add ${first} FILE`] : ['profile', `profile edit ${first} --config none`]
  throw new Refusal('in-use', `${name} is used by the ${what} ${users.slice(0, 10).join(', ')}`, {
    next: `take it out there first: reveille ${change}`,
  })
}
