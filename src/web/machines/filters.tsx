import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import { useGet } from '../api/use.ts'
import { FilterChoice, FilterSelect, Filters, FilterText } from '../parts/filters.tsx'
import { MACHINE_LOOKS, POWER_LOOKS, TRACE_LOOKS } from '../parts/status.tsx'
import type { MachineFilter } from './search.ts'

const STATES = Object.keys(MACHINE_LOOKS) as Machine['state'][]

/** What the list of machines can be narrowed to. The numbers are of all machines. */
export function MachineFilters(props: {
  filter: MachineFilter
  counts: OutputOf<'getStatus'> | undefined
  onChange: (more: Partial<MachineFilter>, replace?: boolean) => void
}) {
  const { filter, counts, onChange } = props
  const states = counts?.machines ?? {}
  const sum = Object.values(states).reduce((a, b) => a + b, 0)
  const shown = STATES.filter((each) => (states[each] ?? 0) > 0 || each === filter.state)
  // Lists that may be long are fetched when somebody looks at them.
  const [rooms, wantRooms] = useState(false)
  const [profiles, wantProfiles] = useState(false)
  const tags = useGet('listRooms', { query: { limit: 1000 } }, { enabled: rooms })
  const known = useGet('listProfiles', { query: { limit: 1000 } }, { enabled: profiles })
  return (
    <Filters>
      <FilterText
        label="Filter machines"
        placeholder="Name, MAC, address, serial, tag"
        value={filter.q}
        onChange={(q) => onChange({ q }, true)}
      />
      <FilterChoice
        label="State"
        words={[
          [undefined, <Counted key="all" word="all" n={sum} />],
          ...shown.map((each) => [each, <Counted key={each} word={each} n={states[each] ?? 0} />] as const),
        ]}
        value={filter.state}
        onChange={(state) => onChange({ state })}
      />
      <FilterSelect
        label="Room"
        placeholder="Any room"
        searchable
        nothingFoundMessage={tags.data ? 'No room of that name' : 'Loading…'}
        onDropdownOpen={() => wantRooms(true)}
        data={choices(
          tags.data?.items.map(({ tag, machines }) => [tag, machines]),
          filter.tag,
        )}
        value={filter.tag}
        onChange={(tag) => onChange({ tag })}
      />
      <FilterSelect
        label="Profile"
        placeholder="Any profile"
        searchable
        nothingFoundMessage={known.data ? 'No profile of that name' : 'Loading…'}
        onDropdownOpen={() => wantProfiles(true)}
        data={choices(
          known.data?.items.map(({ name }) => [name]),
          filter.profile,
        )}
        value={filter.profile}
        onChange={(profile) => onChange({ profile })}
      />
      <BootAndPower filter={filter} counts={counts} onChange={onChange} />
    </Filters>
  )
}

/** Machines by how their newest boot went and by whether they are on, with how many there are of each. */
export function BootAndPower({
  filter,
  counts,
  onChange,
}: {
  filter: Pick<MachineFilter, 'boot' | 'power'>
  counts: Pick<OutputOf<'getStatus'>, 'boots' | 'power'> | undefined
  onChange: (more: Partial<Pick<MachineFilter, 'boot' | 'power'>>) => void
}) {
  return (
    <>
      <FilterSelect
        label="Newest boot"
        placeholder="Any newest boot"
        data={numbered(Object.keys(TRACE_LOOKS), counts?.boots, filter.boot)}
        value={filter.boot}
        onChange={(boot) => onChange({ boot })}
      />
      <FilterSelect
        label="Power"
        placeholder="Any power"
        data={numbered(Object.keys(POWER_LOOKS), counts?.power, filter.power)}
        value={filter.power}
        onChange={(power) => onChange({ power })}
      />
    </>
  )
}

/** Those of some words that there are any of, with how many. */
const numbered = (
  words: readonly string[],
  counts: Readonly<Record<string, number>> | undefined,
  chosen: string | undefined,
) =>
  choices(
    words.filter((word) => (counts?.[word] ?? 0) > 0).map((word) => [word, counts?.[word]] as const),
    chosen,
  )

/** Words with how many there are of each; the one that is chosen is there, whatever is known. */
function choices(known: readonly (readonly [string, (number | undefined)?])[] | undefined, chosen: string | undefined) {
  const all = [...(known ?? [])]
  if (chosen !== undefined && all.every(([word]) => word !== chosen)) all.push([chosen])
  return all.map(([value, n]) => ({
    value,
    label: n === undefined || value === chosen ? value : `${value}  ·  ${n.toLocaleString('en-US')}`,
  }))
}

export function Counted({ word, n }: { word: string; n: number }) {
  return (
    <>
      {word} <span className="figures">{n.toLocaleString('en-US')}</span>
    </>
  )
}
