import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import type { InputOf, OutputOf } from '../../api/client/client.ts'
import type { OperationId } from '../../api/contract.ts'
import { useGet } from '../api/use.ts'
import { Loaded } from './page.tsx'
import { Pager, useCursor } from './pager.tsx'

/** Operations that answer a list page by page. */
export type ListId = {
  [Id in OperationId]: OutputOf<Id> extends { items: unknown[]; next: string | null } ? Id : never
}[OperationId]
type ItemOf<Id extends ListId> = OutputOf<Id> extends { items: (infer Item)[] } ? Item : never
type PageOf<Item> = { items: Item[]; next: string | null; total?: number | undefined }

export type List<Item> = {
  query: UseQueryResult<PageOf<Item>, Error>
  walk: ReturnType<typeof useCursor>
  limit: number
}

/** One page of a list with its filters. The walk starts again when a filter changes. */
export function useList<Id extends ListId>(
  id: Id,
  input: InputOf<Id>,
  more: { limit?: number; refetchMs?: (page: PageOf<ItemOf<Id>> | undefined) => number | false } = {},
): List<ItemOf<Id>> {
  const { limit = 50, refetchMs = () => false } = more
  const given = input as { query?: Record<string, unknown> }
  const walk = useCursor(id, JSON.stringify(given))
  const asked = { ...given, query: { ...given.query, limit, cursor: walk.cursor } } as unknown as InputOf<Id>
  const query = useGet(id, asked, {
    keep: true,
    refetchMs: (page) => refetchMs(page as unknown as PageOf<ItemOf<Id>> | undefined),
  })
  // That the answer is a page of items is what makes an id a ListId, which the compiler does not follow through a generic.
  return { query: query as unknown as UseQueryResult<PageOf<ItemOf<Id>>, Error>, walk, limit }
}

/** The table of a list: heading, one row for each item, which part is shown. `empty` says what to do where nothing is. */
export function Listing<Item>(props: {
  list: List<Item>
  /** The cells of the heading. */
  head: ReactNode
  empty: ReactNode
  lines?: number
  children: (item: Item) => ReactNode
}) {
  const { query, walk, limit } = props.list
  return (
    <Loaded query={query} lines={props.lines ?? 6}>
      {(page) =>
        page.items.length === 0 ? (
          props.empty
        ) : (
          <>
            <div className="scroll">
              <table className="rows">
                <thead>
                  <tr>{props.head}</tr>
                </thead>
                <tbody>{page.items.map(props.children)}</tbody>
              </table>
            </div>
            <Pager walk={walk} limit={limit} shown={page.items.length} next={page.next} total={page.total} />
          </>
        )
      }
    </Loaded>
  )
}
