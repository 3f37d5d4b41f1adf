import type { OutputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { Counted, numbered } from '../machines/filters.tsx'
import type { RoomFilter } from '../machines/search.ts'
import { FilterChoice, FilterSelect, Filters, FilterText } from '../parts/filters.tsx'
import { MACHINE_LOOKS, POWER_LOOKS, TRACE_LOOKS } from '../parts/status.tsx'

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
      <FilterSelect
        label="Newest boot"
        placeholder="Any newest boot"
        data={numbered(Object.keys(TRACE_LOOKS), room?.boots, filter.boot)}
        value={filter.boot}
        onChange={(boot) => onChange({ boot })}
      />
      <FilterSelect
        label="Power"
        placeholder="Any power"
        data={numbered(Object.keys(POWER_LOOKS), room?.power, filter.power)}
        value={filter.power}
        onChange={(power) => onChange({ power })}
      />
    </Filters>
  )
}
