import { ActionIcon, Group, Text } from '@mantine/core'
import { IconChevronLeft, IconChevronRight, IconChevronsLeft } from '@tabler/icons-react'
import { useLocation, useRouter } from '@tanstack/react-router'

/** Where in a list somebody is: the cursors of the pages that were turned, and the filters that they belong to. */
type Place = { about: string; trail: readonly string[] }

declare module '@tanstack/react-router' {
  interface HistoryState {
    /** By list. Kept with the entry of the browser's history, so that the way back leads to the page one came from. */
    places?: Readonly<Record<string, Place>> | undefined
  }
}

/** Walks a list page by page. `about` names the filters: when they change the walk starts again. */
export function useCursor(list: string, about: string) {
  const router = useRouter()
  const place = useLocation({ select: ({ state }) => state.places?.[list] })
  const trail = place?.about === about ? place.trail : []
  const go = (to: readonly string[]) => {
    const { pathname, search, state } = router.state.location
    void router.navigate({
      to: pathname,
      search: search as never,
      state: { places: { ...state.places, [list]: { about, trail: to } } },
    })
  }
  return {
    cursor: trail.at(-1),
    page: trail.length,
    forward: (next: string) => go([...trail, next]),
    back: () => go(trail.slice(0, -1)),
    first: () => go([]),
  }
}

type Walk = ReturnType<typeof useCursor>

/** Says which part of the list is shown and turns the page. */
export function Pager(props: {
  walk: Walk
  limit: number
  shown: number
  next: string | null
  total?: number | undefined
}) {
  const { walk, limit, shown, next, total } = props
  if (walk.page === 0 && !next) return null
  const first = walk.page * limit + 1
  return (
    <Group justify="flex-end" gap={4} px="sm" py={6}>
      <Text size="xs" c="dimmed" mr={4} className="figures">
        {first.toLocaleString('en-US')}–{(first + shown - 1).toLocaleString('en-US')}
        {total !== undefined && ` of ${total.toLocaleString('en-US')}`}
      </Text>
      {walk.page > 1 && (
        <ActionIcon aria-label="First page" onClick={walk.first}>
          <IconChevronsLeft size={16} />
        </ActionIcon>
      )}
      <ActionIcon aria-label="Page before" disabled={walk.page === 0} onClick={walk.back}>
        <IconChevronLeft size={16} />
      </ActionIcon>
      <ActionIcon aria-label="Next page" disabled={!next} onClick={() => next && walk.forward(next)}>
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  )
}
