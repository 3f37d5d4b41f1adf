/**
 * The rows of a live list in the order in which somebody looks at them: those that are still there stay where they are, new ones
 * come behind them. A press must hit the row that was aimed at.
 */
export function inHeldOrder<Item extends { id: string }>(held: readonly string[], items: readonly Item[]): Item[] {
  const place = new Map(held.map((id, at) => [id, at]))
  const of = ({ id }: Item) => place.get(id) ?? held.length
  return items.toSorted((a, b) => of(a) - of(b))
}
