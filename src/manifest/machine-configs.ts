import type { Manifest } from '../api/contract/server.ts'
import type { Configs, FoundProblem } from '../configs/configs.ts'
import type { Beside } from '../configs/declared.ts'
import { refuseFaults } from '../configs/faults.ts'
import { usersOf } from '../configs/users.ts'
import type { Machine } from '../machines/machine.ts'
import type { Coming } from './removing.ts'

const AT_ONCE = 8
const MOST_TOLD = 20

/**
 * Tries configs on the machines that the manifest makes users of them, or changes: those that use them as they are were tried before. A
 * secret that is still to be set is a warning, for no manifest can bring it; all else refuses the manifest.
 */
export async function tryOnMachines({
  configs,
  coming,
  changed,
  declared,
  values,
}: Readonly<{
  configs: Configs
  coming: Coming
  /** Machines that are made or changed, as they will be. */
  changed: ReadonlySet<string>
  declared: Manifest['configs']
  values: Beside['value']
}>): Promise<string[]> {
  const beside: Beside = { declared, value: values }
  const warnings: string[] = []
  const names = new Set([...configs.all().map(({ name }) => name), ...declared.map(({ name }) => name)])
  let tried = 0
  for (const name of names) {
    const draft = draftOf(name, configs, declared)
    if (!draft || draft.kind === 'snippet') continue
    const secrets = new Set(draft.variables.flatMap((each) => (each.type === 'secret' ? [each.name] : [])))
    const before = new Set(configs.usersOf(name).map(({ id }) => id))
    for (const machine of usersOf(name, coming.profiles, coming.machines).machines) {
      if (before.has(machine.id) && !changed.has(machine.id)) continue
      // Thousands of machines take seconds, in which the server has others to answer.
      if (tried++ % AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
      const { problems } = await configs.check(draft, { machine }, beside)
      const lacking = problems.filter((each) => lacksSecret(each, secrets))
      refuseFaults({ problems: problems.filter((each) => !lacking.includes(each)) }, name)
      warnings.push(
        ...lacking.map(({ message }) => `${machine.name} cannot be given the config ${name} yet: ${message}`),
      )
    }
  }
  if (warnings.length <= MOST_TOLD) return warnings
  return [...warnings.slice(0, MOST_TOLD), `and ${warnings.length - MOST_TOLD} more secrets that machines lack`]
}

function draftOf(name: string, configs: Configs, declared: Manifest['configs']) {
  const coming = declared.find((each) => each.name === name)
  if (coming) return coming
  const config = configs.find(name)
  const version = config?.versions.at(-1)
  return config && version && { ...version, kind: config.kind }
}

function lacksSecret({ path, severity }: FoundProblem, secrets: ReadonlySet<string>): boolean {
  const [, name] = /^\$\.variables\.(.+)$/.exec(path) ?? []
  return severity === 'error' && name !== undefined && secrets.has(name)
}

/** Names of variables that are secret, now or with the manifest. */
export function secretNames(configs: Configs, declared: Manifest['configs']): (name: string) => boolean {
  const coming = new Set(
    declared.flatMap(({ variables }) => variables.flatMap((each) => (each.type === 'secret' ? [each.name] : []))),
  )
  return (name) => coming.has(name) || configs.isSecret(name)
}

/** A machine of the manifest as it will be, by the name that scopes of values use. */
export const idsOf = (machines: readonly Machine[]) => {
  const ids = new Map(machines.map(({ name, id }) => [name, id]))
  return (name: string) => ids.get(name)
}
