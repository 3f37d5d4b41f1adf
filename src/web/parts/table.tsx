import { VisuallyHidden } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import style from './filters.module.css'
import { type Sorting, sortedBy } from './sorting.ts'

/** The heading of a column of buttons: said by screen readers, not shown. */
export function ActionsHead({ word = 'Actions' }: { word?: string }) {
  return (
    <th>
      <VisuallyHidden>{word}</VisuallyHidden>
    </th>
  )
}

/** The heading of a column that the list can be sorted by. `first`: the order of the first press; times are asked for newest first. */
export function SortHead<Column extends string>(props: {
  column: Column
  word: string
  now: Sorting<Column>
  onSort: (to: Sorting<Column>) => void
  first?: 'asc' | 'desc'
  className?: string
}) {
  const { column, now } = props
  const on = now.sort === column
  const Sign = now.order === 'asc' ? IconArrowUp : IconArrowDown
  return (
    <th className={props.className} aria-sort={on ? (now.order === 'asc' ? 'ascending' : 'descending') : undefined}>
      <button type="button" className={style.sort} onClick={() => props.onSort(sortedBy(now, column, props.first))}>
        {props.word}
        {on && <Sign size={13} aria-hidden />}
      </button>
    </th>
  )
}
