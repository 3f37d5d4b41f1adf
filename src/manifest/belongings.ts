import { Refusal } from '../kit/errors.ts'

/** What manifests of a name have had, such as `machine web1`. Durable when a call returns. */
export interface ManifestRepository {
  all(): Promise<ReadonlyMap<string, ReadonlySet<string>>>
  save(name: string, things: ReadonlySet<string>): Promise<void>
}

/** In the order in which they are removed: nothing may name what is gone. Others are never pruned: volumes hold content. */
export const PRUNED_KINDS = ['bmc', 'bmc-rule', 'value', 'machine', 'profile', 'config'] as const
export type PrunedKind = (typeof PRUNED_KINDS)[number]

export type Pruning = Readonly<{
  /** Earlier manifests of this name had them and this one has not, in the order to remove them. */
  remove: readonly Readonly<{ kind: PrunedKind; thing: string; name: string }>[]
  kept: readonly Readonly<{ thing: string; reason: string }>[]
  warnings: readonly string[]
  /** What the manifests of this name have from now on, when all of that is removed. */
  belongings: ReadonlySet<string>
}>

type Asked = Readonly<{
  name: string | undefined
  prune: boolean
  force: boolean
  dryRun: boolean
  /** Things of the manifest. */
  things: ReadonlySet<string>
  known: ReadonlyMap<string, ReadonlySet<string>>
  exists: (kind: PrunedKind, name: string) => boolean
  /** Why it must stay, given what goes with it; `undefined`: it may go. */
  holder: (kind: PrunedKind, name: string, going: ReadonlySet<string>) => string | undefined
}>

/**
 * What goes with this manifest. Only what an earlier manifest of the same name had, and no manifest of another name has. Refused when
 * that is more than half of it, unless forced: then it is likelier that a file is missing than that half of a site is.
 */
export function planPruning(asked: Asked): Pruning {
  const { name, prune, force, dryRun, things, known } = asked
  if (name === undefined && prune)
    throw new Refusal('validation-failed', 'only a manifest with a name can be pruned', {
      next: 'give it one: reveille apply -f DIR --name site --prune',
    })
  const before = (name === undefined ? undefined : known.get(name)) ?? new Set<string>()
  const there = [...before].flatMap((thing) => {
    const [kind = '', ...rest] = thing.split(' ')
    const known = PRUNED_KINDS.find((each) => each === kind)
    return known && asked.exists(known, rest.join(' ')) ? [{ kind: known, thing, name: rest.join(' ') }] : []
  })
  const belongings = new Set([...there.map(({ thing }) => thing), ...things])
  if (!prune) return { remove: [], kept: [], warnings: [], belongings }
  const kept: { thing: string; reason: string }[] = []
  let candidates = there.filter(({ thing }) => !things.has(thing))
  // What stays may be what holds another.
  for (let left = -1; left !== candidates.length; ) {
    left = candidates.length
    const going = new Set(candidates.map(({ thing }) => thing))
    candidates = candidates.filter((each) => {
      const other = [...known].find(([owner, had]) => owner !== name && had.has(each.thing))?.[0]
      const reason =
        other === undefined ? asked.holder(each.kind, each.name, going) : `the manifest ${other} has it, too`
      if (reason !== undefined) kept.push({ thing: each.thing, reason })
      // It is the other's alone from now on; else each of the two would keep it for the other for ever.
      if (other !== undefined) belongings.delete(each.thing)
      return reason === undefined
    })
  }
  const many = candidates.length * 2 > there.length
  const text = `${candidates.length} of the ${there.length} things that manifests named ${name} had would be removed`
  if (many && !force && !dryRun)
    throw new Refusal('conflict', `${text}, which is more than half`, {
      next: 'look at them with --dry-run; if all of that shall go, say --force',
      problems: candidates.slice(0, 100).map(({ thing }) => ({ path: thing, message: 'would be removed' })),
    })
  for (const { thing } of candidates) belongings.delete(thing)
  const order = (kind: PrunedKind) => PRUNED_KINDS.indexOf(kind)
  return {
    remove: candidates.sort((a, b) => order(a.kind) - order(b.kind)),
    kept,
    warnings: many && !force ? [`${text}, which is more than half: that needs --force`] : [],
    belongings,
  }
}
