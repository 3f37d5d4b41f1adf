import type { Manifest } from '../api/contract/server.ts'
import type { Bmc, BmcRule } from '../gateway/bmc.ts'
import type { Gateway } from '../gateway/gateway.ts'
import { assertRoutable } from '../gateway/making.ts'
import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import { differencesOf, otherFields, type Planned } from './differences.ts'

/** What is needed of `Gateway`. */
export type BmcKeeper = Pick<
  Gateway,
  | 'assertPossible'
  | 'create'
  | 'get'
  | 'putRule'
  | 'remove'
  | 'removeRule'
  | 'removeUser'
  | 'rules'
  | 'setUser'
  | 'update'
>
type DeclaredBmc = Manifest['bmcs'][number]
type DeclaredRule = Manifest['bmcRules'][number]
type Find = (machine: string) => Machine | undefined

/** What becomes of BMCs. What is left out of `port` and `cipherSuites` stays as it is. Refused where one is not possible. */
export function planBmcs(
  { bmcs, bmcRules, machines }: Pick<Manifest, 'bmcs' | 'bmcRules' | 'machines'>,
  gateway: BmcKeeper,
  find: Find,
  comes: (machine: string) => boolean,
): Planned[] {
  const seen = new Set<string>()
  const coming = new Map(machines.map((machine) => [machine.name, machine]))
  const rules = [...gateway.rules().filter(({ name }) => !bmcRules.some((rule) => rule.name === name)), ...bmcRules]
  return bmcs.map((each) => {
    const machine = find(each.machine)
    if (!machine && !comes(each.machine))
      throw new Refusal('validation-failed', `there is no machine ${each.machine} that a BMC could be for`, {
        next: 'add it to the manifest',
      })
    for (const key of [`machine ${machine?.id ?? each.machine}`, placeOf(each)]) {
      if (key !== undefined && seen.has(key)) throw new Refusal('conflict', `the manifest has two BMCs of ${key}`)
      if (key !== undefined) seen.add(key)
    }
    const twice = each.users.find(({ name }, i) => each.users.findIndex((other) => other.name === name) < i)
    if (twice) throw new Refusal('conflict', `the BMC of ${each.machine} has two users ${twice.name}`)
    const [first] = each.users
    const before = machine && gateway.get(machine.id)
    const after = coming.get(machine?.name ?? each.machine)
    const tags = after?.tags ?? machine?.tags ?? []
    const ruled = rules.filter(({ tag }) => tags.includes(tag)).map(({ routes }) => routes)
    // What is so already stays so, and drivers that a rule names may come later; others come with the manifest.
    const settled = (route: [string, string]) =>
      [before?.routes ?? {}, ...ruled].some((known) => isIn(known, route)) ||
      (after?.power?.some(({ name }) => name === route[1]) ?? false)
    gateway.assertPossible(machine?.id ?? each.machine, {
      ...each,
      routes: Object.fromEntries(Object.entries(each.routes).filter((route) => !settled(route))),
      ...{ user: first?.name ?? 'admin', privilege: first?.privilege ?? 'administrator' },
    })
    const thing = `bmc ${each.machine}`
    if (!before) return { thing, change: 'create', fields: Object.keys(each), differences: [] }
    const [old, next] = [saidOf(before), { ...saidOf(before), ...wantedOf(each) }]
    const fields = otherFields(old, next)
    return {
      ...{ thing, change: fields.length > 0 ? 'update' : 'none', fields },
      differences: differencesOf(fields, old, next),
    }
  })
}

/** Makes them so, but for their routes. Accounts that are new get random passwords. */
export async function applyBmcs(
  declared: readonly DeclaredBmc[],
  plan: readonly Planned[],
  gateway: BmcKeeper,
  find: Find,
): Promise<void> {
  for (const [i, each] of declared.entries()) {
    const id = find(each.machine)?.id
    if (id === undefined || plan[i]?.change === 'none') continue
    const { enabled, users, address, port, cipherSuites, clients } = each
    const [first] = users
    // A rule may have made one meanwhile, for the machine is here now.
    if (!gateway.get(id) && first)
      await gateway.create(id, {
        ...{ user: first.name, privilege: first.privilege },
        address,
        port,
        cipherSuites,
        clients,
        routes: {},
      })
    const { users: accounts } = gateway.get(id)!
    await gateway.update(id, {
      ...{ enabled, cipherSuites, clients },
      ...(address !== undefined || port !== undefined ? { address: address ?? null, port } : {}),
    })
    for (const { name } of accounts) if (!users.some((user) => user.name === name)) await gateway.removeUser(id, name)
    for (const user of users) {
      const known = accounts.find(({ name }) => name === user.name)
      if (known?.privilege !== user.privilege || known.enabled !== user.enabled)
        await gateway.setUser(id, user.name, { privilege: user.privilege, enabled: user.enabled, newPassword: false })
    }
  }
}

/** Their routes, once the rules of the manifest are there: what a rule gives may name drivers that come later. */
export async function applyRoutes(declared: readonly DeclaredBmc[], gateway: BmcKeeper, find: Find): Promise<void> {
  for (const { machine, routes } of declared) {
    const id = find(machine)?.id
    const old = (id !== undefined && gateway.get(id)?.routes) || {}
    const gone = Object.keys(old).flatMap((of) => (of in routes ? [] : [[of, null]]))
    const fresh = Object.entries(routes).filter((route) => !isIn(old, route))
    if (id !== undefined && gone.length + fresh.length > 0)
      await gateway.update(id, { routes: Object.fromEntries([...gone, ...fresh]) })
  }
}

function isIn(routes: DeclaredBmc['routes'], [of, target]: readonly [string, string]): boolean {
  return Object.entries(routes).some(([known, its]) => known === of && its === target)
}

export function planRules(declared: readonly DeclaredRule[], gateway: Pick<BmcKeeper, 'rules'>): Planned[] {
  const seen = new Set<string>()
  return declared.map((each) => {
    const thing = `bmc-rule ${each.name}`
    if (seen.has(each.name)) throw new Refusal('conflict', `the manifest names the ${thing} twice`)
    seen.add(each.name)
    assertRoutable(each.routes)
    const before: BmcRule | undefined = gateway.rules().find(({ name }) => name === each.name)
    if (!before) return { thing, change: 'create', fields: Object.keys(each), differences: [] }
    const fields = otherFields(before, each)
    return {
      ...{ thing, change: fields.length > 0 ? 'update' : 'none', fields },
      differences: differencesOf(fields, before, each),
    }
  })
}

function placeOf({ address, port }: DeclaredBmc): string | undefined {
  return address === undefined && port === undefined ? undefined : `the place ${address ?? ''}:${port ?? 623}`
}

function saidOf({ enabled, address, port, cipherSuites, clients, routes, users }: Bmc) {
  const accounts = users.map(({ name, privilege, enabled: on }) => ({ name, privilege, enabled: on }))
  return { enabled, address, port, cipherSuites, clients, routes, users: accounts }
}

function wantedOf({ enabled, address, port, cipherSuites, clients, routes, users }: DeclaredBmc) {
  return {
    ...{ enabled, clients, routes, users },
    ...(address === undefined && port === undefined ? {} : { address: address ?? null }),
    ...(port === undefined ? {} : { port }),
    ...(cipherSuites === undefined ? {} : { cipherSuites }),
  }
}
