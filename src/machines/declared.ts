import { Refusal } from '../kit/errors.ts'
import { changedFields, type DeclaredMachine, edited } from './edit.ts'
import { moved } from './lifecycle.ts'
import type { Machine } from './machine.ts'
import type { MachineRegistry } from './registry.ts'

/** What machines become when they are made to match a manifest, and which fields that changes. Throws a `Refusal` for all or none. */
export function planDeclared(
  declared: readonly DeclaredMachine[],
  registry: MachineRegistry,
  blank: (name: string) => Machine,
  hasProfile: (name: string) => boolean,
) {
  const names = new Set<string>()
  const taken = new Set<string>()
  const plan = declared.map((input) => {
    if (names.has(input.name)) throw new Refusal('conflict', `the manifest names the machine ${input.name} twice`)
    names.add(input.name)
    const before = registry.byName(input.name) ?? discoveredAs(input, registry)
    if (before && taken.has(before.id)) throw new Refusal('conflict', `the manifest describes ${before.name} twice`)
    if (before) taken.add(before.id)
    const whole = {
      tags: [],
      notes: '',
      ip: null,
      hostname: null,
      profile: null,
      bootLoader: 'auto' as const,
      ...defined(input),
    }
    const start = before ?? blank(input.name)
    const approved = start.state === 'discovered' ? moved(start, 'ready', 'approve') : start
    const after = edited(approved, whole, hasProfile)
    const fields = before ? changedFields(before, after) : Object.keys(input)
    return { before, after, fields, change: before ? (fields.length > 0 ? 'update' : 'none') : 'create' } as const
  })
  for (const { before, after } of plan) if (!before) refuseRenamed(after, registry, names)
  registry.assertUnique(plan.map(({ after }) => after))
  return plan
}

/** A machine that the manifest calls otherwise now would be taken for a new one, with what is known of the old one lost. */
function refuseRenamed({ name, macs }: Machine, registry: MachineRegistry, names: ReadonlySet<string>): void {
  const [mac, old] = macs.flatMap((each) => {
    const known = registry.byMac(each)
    return known && !names.has(known.name) ? [each, known.name] : []
  })
  if (mac === undefined || old === undefined) return
  throw new Refusal('conflict', `the MAC ${mac} of ${name} belongs to ${old}, which the manifest does not name`, {
    next: `if ${name} is ${old} under another name: reveille machine set ${old} --name ${name}; else delete ${old} first`,
  })
}

function discoveredAs(input: DeclaredMachine, registry: MachineRegistry): Machine | undefined {
  const found = input.macs.flatMap((mac) => registry.find(mac) ?? [])
  return found.find((machine) => machine.state === 'discovered')
}

function defined<T extends object>(input: T): Partial<T> {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined)) as Partial<T>
}
