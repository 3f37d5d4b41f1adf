/** Names that differ by more than this many letters are not what somebody meant. */
const MOST_EDITS = 2
/** Longer words are not compared: the work grows with the square of their length. */
const MOST_LETTERS = 64

/**
 * The name that somebody most likely meant by `typed`, or `undefined` where none is near: one in another case of letters, else
 * the one with the fewest letters to change, add, leave out or swap; a short word may differ by one only.
 */
export function nearest(typed: string, names: Iterable<string>): string | undefined {
  if (typed.length > MOST_LETTERS || typed.length < 2) return undefined
  const wanted = typed.toLowerCase()
  let most = wanted.length < 5 ? 1 : MOST_EDITS
  let found: string | undefined
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > most) continue
    const edits = distance(wanted, name.toLowerCase(), most)
    if (edits > most || (edits === most && found !== undefined)) continue
    found = name
    most = edits
    if (edits === 0) return name
  }
  return found
}

/** What to do about a name that is not there: the one that was most likely meant, then `next`. */
export function orMeant(typed: string, names: Iterable<string>, next: string): string {
  const meant = nearest(typed, names)
  return meant === undefined ? next : `did you mean ${meant}? ${next}`
}

/** Damerau's distance with neighbours swapped at most once, or more than `most` as soon as it is that. */
function distance(a: string, b: string, most: number): number {
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1)
      row.push(least)
    }
    if (Math.min(...row) > most) return most + 1
    before = last
    last = row
  }
  return last[b.length]!
}
