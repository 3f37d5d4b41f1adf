import { Select, type SelectProps } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useGet } from '../api/use.ts'
import { baseText } from './words.ts'

/** A choice among the volumes of nobody's machine, found by the server as one types. `null` is the choice of none. */
export function VolumeSelect({
  ...props
}: Omit<SelectProps<string>, 'data' | 'value' | 'onChange'> & {
  value: string | null
  onChange: (volume: string | null) => void
}) {
  const [text, setText] = useState('')
  const [q] = useDebouncedValue(text, 200)
  const volumes = useGet(
    'listVolumes',
    { query: { limit: 100, use: 'own', ...(q && q !== props.value ? { q } : {}) } },
    { keep: true },
  )
  const data = (volumes.data?.items ?? []).map((each) => ({
    value: each.name,
    label: `${each.name}  ·  ${baseText(each)}`,
  }))
  if (props.value && !data.some(({ value }) => value === props.value))
    data.push({ value: props.value, label: props.value })
  return (
    <Select
      searchable
      clearable
      nothingFoundMessage={volumes.data && !q ? 'There is no volume yet: create one first' : 'No volume of that name'}
      {...props}
      onSearchChange={(typed) => setText(typed.split('  ·  ')[0] ?? '')}
      data={data}
    />
  )
}
