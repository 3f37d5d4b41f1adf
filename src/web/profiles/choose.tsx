import { Select, type SelectProps } from '@mantine/core'
import { useGet } from '../api/use.ts'

/** A choice among all profiles. `null` is the choice of none. */
export function ProfileSelect(
  props: Omit<SelectProps<string>, 'data' | 'value' | 'onChange'> & {
    value: string | null
    onChange: (profile: string | null) => void
  },
) {
  const profiles = useGet('listProfiles', { query: { limit: 1000 } })
  const known = profiles.data?.items ?? []
  return (
    <Select
      searchable
      clearable
      nothingFoundMessage="No profile of that name"
      {...props}
      data={known.map((profile) => ({ value: profile.name, label: `${profile.name}  ·  ${profile.kind}` }))}
    />
  )
}
