import { Select, type SelectProps } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useGet } from '../api/use.ts'

/** A choice among machines, found by the server as one types. `null` is the choice of none. */
export function MachineSelect({
  profile,
  ...props
}: Omit<SelectProps<string>, 'data' | 'value' | 'onChange'> & {
  /** Only machines of this profile. */
  profile?: string
  value: string | null
  onChange: (machine: string | null) => void
}) {
  const [text, setText] = useState('')
  const [q] = useDebouncedValue(text, 200)
  const machines = useGet(
    'listMachines',
    { query: { limit: 50, ...(profile ? { profile } : {}), ...(q && q !== props.value ? { q } : {}) } },
    { keep: true },
  )
  const names = (machines.data?.items ?? []).filter(({ state }) => state !== 'discovered').map(({ name }) => name)
  if (props.value && !names.includes(props.value)) names.push(props.value)
  return (
    <Select
      searchable
      clearable
      nothingFoundMessage={profile ? `No machine of profile ${profile} of that name` : 'No machine of that name'}
      {...props}
      onSearchChange={setText}
      data={names}
    />
  )
}
