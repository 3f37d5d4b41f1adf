export type Sorting<Column extends string> = { sort: Column; order: 'asc' | 'desc' }

/** What a press on the heading of a column makes of the order: that column, then the other way round. */
export function sortedBy<Column extends string>(
  now: Sorting<Column>,
  column: Column,
  first: 'asc' | 'desc' = 'asc',
): Sorting<Column> {
  if (now.sort !== column) return { sort: column, order: first }
  return { sort: column, order: now.order === 'asc' ? 'desc' : 'asc' }
}
