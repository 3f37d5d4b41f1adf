import { ActionIcon, Group, Text } from '@mantine/core'
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react'
import { useEffect, useState } from 'react'

/** Walks a list page by page. `about` names the filters: when they change the walk starts again. */
export function useCursor(about: string) {
  const [trail, setTrail] = useState<readonly string[]>([])
  useEffect(() => {
    if (about !== undefined) setTrail([])
  }, [about])
  return {
    cursor: trail.at(-1),
    page: trail.length,
    forward: (next: string) => setTrail([...trail, next]),
    back: () => setTrail(trail.slice(0, -1)),
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
      <ActionIcon aria-label="Page before" disabled={walk.page === 0} onClick={walk.back}>
        <IconChevronLeft size={16} />
      </ActionIcon>
      <ActionIcon aria-label="Next page" disabled={!next} onClick={() => next && walk.forward(next)}>
        <IconChevronRight size={16} />
      </ActionIcon>
    </Group>
  )
}
