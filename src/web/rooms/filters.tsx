import type { OutputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { BootAndPower, Counted } from '../machines/filters.tsx'
import type { RoomFilter } from '../machines/search.ts'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { MACHINE_LOOKS } from '../parts/status.tsx'

const STATES = Object.keys(MACHINE_LOOKS) as Machine['state'][]

/** What a room can be narrowed to; the numbers are of the whole room. */
export function RoomFilters(props: {
  room: OutputOf<'listRooms'>['items'][number] | undefined
  filter: RoomFilter
  onChange: (more: Partial<RoomFilter>, replace?: boolean) => void
}) {
  const { room, filter, onChange } = props
  const states = room?.states ?? {}
  return (
    <Filters>
      <FilterText
        label="Filter machines"
        placeholder="Name, MAC, address"
        value={filter.q}
        onChange={(q) => onChange({ q }, true)}
      />
      <FilterChoice
        label="State"
        words={[
          [undefined, <Counted key="all" word="all" n={room?.machines ?? 0} />],
          ...STATES.filter((each) => (states[each] ?? 0) > 0 || each === filter.state).map(
            (each) => [each, <Counted key={each} word={each} n={states[each] ?? 0} />] as const,
          ),
        ]}
        value={filter.state}
        onChange={(state) => onChange({ state })}
      />
      <BootAndPower filter={filter} counts={room} onChange={onChange} />
    </Filters>
  )
}
