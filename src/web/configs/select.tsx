import { Select } from '@mantine/core'
import type { ReactNode } from 'react'
import { useGet } from '../api/use.ts'
import type { ConfigKind } from './words.ts'

/** A choice among configs: always the newest version, or one that stays. `null`: none. */
export function ConfigSelect(props: {
  label: string
  description?: string
  /** Only these kinds. */
  kinds?: readonly ConfigKind[]
  value: string | null
  error: ReactNode
  onChange: (config: string | null) => void
}) {
  const { kinds, value } = props
  const configs = useGet('listConfigs', { query: { limit: 1000 } })
  const items = (configs.data?.items ?? []).filter(({ kind }) => kind !== 'snippet' && (!kinds || kinds.includes(kind)))
  const choices = items.flatMap((config) => [
    { value: config.name, label: `${config.name}  (always the newest version)` },
    ...config.versions.toReversed().map(({ number, note }) => ({
      value: `${config.name}@${number}`,
      label: `${config.name}@${number}${note ? `  ${note}` : ''}`,
    })),
  ])
  if (value && !choices.some((choice) => choice.value === value)) choices.push({ value, label: value })
  return (
    <Select
      label={props.label}
      description={props.description}
      searchable
      clearable
      limit={200}
      placeholder={configs.data && items.length === 0 ? 'No config yet' : 'None'}
      nothingFoundMessage="No config of that name"
      data={choices}
      value={value}
      error={props.error}
      onChange={props.onChange}
    />
  )
}
