import { ROLES, type Role } from './user.ts'

export type Verb = 'read' | 'write'

/** Everything: what sessions and the control socket have. */
export const ALL_SCOPES: readonly string[] = ['*:*']

/** Whether one of the scopes (`GROUP:read`, `GROUP:write`, `GROUP:*`, with `*` for any group) allows this. */
export function allowsScope(scopes: readonly string[], group: string, verb: Verb): boolean {
  return scopes.some((scope) => {
    const [of, may] = scope.split(':')
    return (of === '*' || of === group) && (may === '*' || may === verb)
  })
}

/** Whether a token with these scopes could not do more than `holder` may: nobody hands out what they do not have. */
export function coversScopes(holder: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((scope) => {
    const [group = '', verb] = scope.split(':')
    const verbs: readonly Verb[] = verb === '*' ? ['read', 'write'] : [verb === 'read' ? 'read' : 'write']
    // A group `*` is covered by `*` alone: the name "*" is no group.
    return verbs.every((each) => allowsScope(holder, group, each))
  })
}

/** Whether a role may do what needs at least `needs`. */
export function allowsRole(role: Role, needs: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needs)
}
