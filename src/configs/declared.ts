import { Refusal } from '../kit/errors.ts'
import type { Config, ConfigKind, ConfigPart, ConfigVersion, Value, ValueScope, Variable } from './config.ts'

/** One config of a manifest, whole. */
export type DeclaredConfig = Readonly<{
  name: string
  kind: ConfigKind
  description: string
  parts: readonly ConfigPart[]
  variables: readonly Variable[]
  note: string
}>

/** What comes at the same time: configs (snippets may be among them) and values that are not kept yet. */
export type Beside = Readonly<{
  declared: readonly DeclaredConfig[]
  value: (scope: ValueScope, name: string) => Value | undefined
}>

/** What an `apply` does or would do to one config. */
export type ConfigChange = Readonly<{
  name: string
  change: 'create' | 'update' | 'none'
  fields: readonly string[]
  declared: DeclaredConfig
  before: Config | undefined
}>

/** Refused (`conflict`) where one is named twice or would become another kind. */
export function changesOf(
  declared: readonly DeclaredConfig[],
  find: (name: string) => Config | undefined,
): ConfigChange[] {
  const names = new Set<string>()
  return declared.map((each) => {
    const { name, kind } = each
    if (names.has(name)) throw new Refusal('conflict', `the manifest names the config ${name} twice`)
    names.add(name)
    const before = find(name)
    if (!before) return { name, change: 'create', fields: Object.keys(each), declared: each, before }
    if (before.kind !== kind)
      throw new Refusal('conflict', `the config ${name} is of kind ${before.kind}, and cannot become ${kind}`, {
        next: 'give the new one another name',
      })
    const last = before.versions.at(-1)
    const fields = (['description', 'parts', 'variables'] as const).filter((field) => {
      const old = field === 'description' ? before.description : last?.[field]
      return JSON.stringify(old) !== JSON.stringify(each[field])
    })
    return { name, change: fields.length > 0 ? 'update' : 'none', fields, declared: each, before }
  })
}

export function isSame(
  before: ConfigVersion,
  { parts, variables }: Pick<DeclaredConfig, 'parts' | 'variables'>,
): boolean {
  return JSON.stringify([before.parts, before.variables]) === JSON.stringify([parts, variables])
}
