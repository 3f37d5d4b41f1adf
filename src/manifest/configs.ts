import { isDeepStrictEqual } from 'node:util'
import type { Manifest } from '../api/contract/server.ts'
import type { Value, ValueScope } from '../configs/config.ts'
import type { Configs } from '../configs/configs.ts'
import type { ConfigChange } from '../configs/declared.ts'
import { Refusal } from '../kit/errors.ts'
import { differencesOf, type Planned, textDifferences } from './differences.ts'

type DeclaredValue = Manifest['values'][number]
/** `scope`: `undefined` where it is that of a machine which comes with the manifest. */
export type PlannedValue = Readonly<{ declared: DeclaredValue; scope: ValueScope | undefined; planned: Planned }>

/** What becomes of values. A secret is never replaced by one that everybody may read. */
export function planValues(
  declared: readonly DeclaredValue[],
  configs: Pick<Configs, 'values'>,
  { comes, isSecret }: Readonly<{ comes: (machine: string) => boolean; isSecret: (name: string) => boolean }>,
): PlannedValue[] {
  const seen = new Set<string>()
  return declared.map((each) => {
    const { scope: text, name, value } = each
    const thing = `value ${text} ${name}`
    const machine = /^machine:(.+)$/.exec(text)?.[1]
    const scope = machine !== undefined && comes(machine) ? undefined : configs.values.scopeOf(text)
    const key = `${scope ?? text} ${name}`
    if (seen.has(key)) throw new Refusal('conflict', `the manifest gives the ${thing} twice`)
    seen.add(key)
    if (isSecret(name))
      throw new Refusal('conflict', `the ${thing} is of a secret variable, and values of a manifest are not secret`, {
        next: `take it out of the manifest, and set it: reveille config set ${name} --secret`,
      })
    const before = scope === undefined ? undefined : configs.values.find(scope, name)
    if (before && before.sealed !== null)
      throw new Refusal('conflict', `the ${thing} is a secret, and values of a manifest are not`, {
        next: 'take it out of the manifest, or remove the secret first: reveille config unset',
      })
    const same = before !== undefined && isDeepStrictEqual(before.value, value)
    const change = same ? 'none' : before ? 'update' : 'create'
    const fields = change === 'update' ? ['value'] : []
    const differences = before && !same ? differencesOf(fields, before, each) : []
    return { declared: each, scope, planned: { thing, change, fields, differences } }
  })
}

/** As they will be, for checking configs before anything is written. `idOf`: of a machine that comes with the manifest. */
export function comingValues(
  plan: readonly PlannedValue[],
  idOf: (machine: string) => string | undefined = () => undefined,
) {
  const coming = new Map<string, Value>()
  for (const { scope: kept, declared } of plan) {
    const id = kept === undefined ? idOf(declared.scope.replace(/^machine:/, '')) : undefined
    const scope = kept ?? (id === undefined ? undefined : (`machine:${id}` as const))
    if (scope !== undefined)
      coming.set(`${scope} ${declared.name}`, {
        ...{ scope, name: declared.name, value: declared.value },
        ...{ sealed: null, updatedAt: 0 },
      })
  }
  return (scope: ValueScope, name: string) => coming.get(`${scope} ${name}`)
}

export async function applyValues(plan: readonly PlannedValue[], configs: Pick<Configs, 'values'>): Promise<void> {
  const changed = plan.flatMap(({ declared: { scope, name, value }, planned }) =>
    planned.change === 'none' ? [] : [{ scope: configs.values.scopeOf(scope), name, value }],
  )
  await configs.values.setAll(changed)
}

export function toldConfigs(plan: readonly ConfigChange[]): Planned[] {
  return plan.map(({ name, change, fields, declared, before }) => {
    const told = { thing: `config ${name}`, change, fields }
    const last = before?.versions.at(-1)
    if (change !== 'update' || !before || !last) return { ...told, differences: [] }
    const texts = (parts: typeof last.parts) => new Map(parts.map((part) => [part.name, part.content]))
    const others = fields.filter((field) => field !== 'parts')
    const old = { description: before.description, variables: last.variables }
    const differences = [
      ...differencesOf(others, old, declared),
      ...textDifferences(texts(last.parts), texts(declared.parts)),
    ]
    return { ...told, differences }
  })
}
