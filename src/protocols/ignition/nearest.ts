const LONGEST = 40

/** The name that was probably meant: at most two slips away, and not more than a third of the word. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined
  const most = Math.min(2, Math.ceil(word.length / 3))
  let best: string | undefined
  let least = most + 1
  for (const name of names) {
    const slips = distance(word.toLowerCase(), name.toLowerCase())
    if (slips < least) {
      least = slips
      best = name
    }
  }
  return best
}

/** Levenshtein's, with two neighbours in the wrong order as one slip. */
function distance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, before[j - 2]! + 1)
      next.push(cost)
    }
    before = row
    row = next
  }
  return row[b.length]!
}
