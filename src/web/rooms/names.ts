/** Names of machines where there is little room. Pure, so that tests can hold them to it. */

/** Letters at the end of a name that are always to be seen: there the machines of a room differ. */
const TAIL = 7

/** A name in two parts: the first may be cut short, the second is always whole. */
export function inTwo(name: string): readonly [string, string] {
  return [name.slice(0, -TAIL), name.slice(-TAIL)]
}

/** How long the beginning is that all names share, up to its last separator: what a grid of one room need not repeat. */
export function sharedStart(names: readonly string[]): number {
  const [first = '', ...others] = names
  if (others.length === 0) return 0
  let end = first.length
  for (const name of others) {
    let at = 0
    while (at < end && at < name.length && name[at] === first[at]) at++
    end = at
  }
  const separator = Math.max(...['-', '.', '_'].map((each) => first.lastIndexOf(each, end - 1)))
  // A name that is nothing but the beginning would have nothing left.
  return separator < 0 || names.some((name) => name.length <= separator + 1) ? 0 : separator + 1
}
