import { Select } from '@mantine/core'
import type { ReactNode } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { useGet } from '../api/use.ts'

/** A choice among images of some kinds: always the newest version, or one that stays. */
export function ImageSelect(props: {
  label: string
  kinds: readonly Image['kind'][]
  value: string
  error: ReactNode
  onChange: (image: string) => void
}) {
  const { kinds, value } = props
  const images = useGet('listImages', { query: { limit: 1000, ...(kinds.length === 1 ? { kind: kinds[0] } : {}) } })
  const items = (images.data?.items ?? []).filter(({ kind }) => kinds.includes(kind))
  const choices = items.flatMap((image) => [
    { value: image.name, label: `${image.name}  (always the newest version)` },
    ...image.versions.toReversed().map(({ number, note }) => ({
      value: `${image.name}@${number}`,
      label: `${image.name}@${number}${note ? `  ${note}` : ''}`,
    })),
  ])
  if (value && !choices.some((choice) => choice.value === value)) choices.push({ value, label: value })
  return (
    <Select
      label={props.label}
      searchable
      required
      withAsterisk={false}
      limit={200}
      placeholder={
        images.data && items.length === 0
          ? `No image of kind ${kinds.join(' or ')} yet: upload one first`
          : 'Choose an image'
      }
      nothingFoundMessage="No image of that name"
      data={choices}
      value={value || null}
      error={props.error}
      onChange={(image) => props.onChange(image ?? '')}
    />
  )
}
