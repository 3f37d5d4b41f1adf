import { Select, type SelectProps } from '@mantine/core'
import { useGet } from '../api/use.ts'
import { type Kind, summary } from './spec.ts'

/** A choice among all profiles, or those of one kind. `null` is the choice of none. */
export function ProfileSelect({
  kind,
  ...props
}: Omit<SelectProps<string>, 'data' | 'value' | 'onChange'> & {
  kind?: Kind
  value: string | null
  onChange: (profile: string | null) => void
}) {
  const profiles = useGet('listProfiles', { query: { limit: 1000 } })
  const known = (profiles.data?.items ?? []).filter((profile) => !kind || profile.kind === kind)
  return (
    <Select
      searchable
      clearable
      nothingFoundMessage={
        kind && profiles.data && known.length === 0
          ? `There is no profile of kind ${kind} yet`
          : 'No profile of that name'
      }
      {...props}
      data={known.map((profile) => ({
        value: profile.name,
        label: `${profile.name}  ·  ${kind ? summary(profile) : profile.kind}`,
      }))}
    />
  )
}
