import { ActionIcon, Button, Drawer } from '@mantine/core'
import { IconPencil, IconPlus, IconTrash } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useState } from 'react'
import type { Profile } from '../../api/contract/profiles.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { count } from '../parts/words.ts'
import { ProfileForm } from './form.tsx'
import { KINDS, type Kind, summary } from './spec.ts'

export function ProfilesPage() {
  const operator = useMay('operator')
  const [editing, setEditing] = useState<Profile | 'new' | null>(null)
  const search = useSearch({ from: '/profiles' })
  const { q } = search
  const kind = search.kind as Kind | undefined
  const navigate = useNavigate({ from: '/profiles' })
  const profiles = useList('listProfiles', { query: { q, kind } })
  const remove = useDo('deleteProfile', { done: (_, { params }) => `${params.profile} is deleted.` })
  const close = () => setEditing(null)
  const button = operator && (
    <Button leftSection={<IconPlus size={15} />} onClick={() => setEditing('new')}>
      Create profile
    </Button>
  )
  return (
    <Page
      title="Profiles"
      actions={button}
      lead="What a machine becomes at its next boot: a diskless system, its own disk, images written to that disk, a live system, an ISO, a menu, or your own script."
    >
      <Card flush open label="Profiles">
        <Filters>
          <FilterText
            label="Filter profiles"
            placeholder="Name, description, image, config"
            value={q}
            onChange={(text) => void navigate({ search: { ...search, q: text }, replace: true })}
          />
          <FilterChoice
            label="Kind"
            words={[[undefined, 'all'], ...KINDS.map(([each]) => [each, each] as const)]}
            value={kind}
            onChange={(word) => void navigate({ search: { ...search, kind: word } })}
          />
        </Filters>
        <Listing
          list={profiles}
          head={
            <>
              <th>Profile</th>
              <th>Kind</th>
              <th>Boots</th>
              <th>Used</th>
              {operator && <ActionsHead />}
            </>
          }
          empty={
            q !== undefined || kind !== undefined ? (
              <Empty title="No profile matches" />
            ) : (
              <Empty title="There is no profile yet" action={button}>
                Create one of kind diskless, live or install for an image that you uploaded, or of kind local for
                machines that boot their own disk.
              </Empty>
            )
          }
        >
          {(profile) => (
            <tr key={profile.name}>
              <td>
                <Link to="/profiles/$profile" params={{ profile: profile.name }} className="name" title={profile.name}>
                  {profile.name}
                </Link>
                {profile.description && <div className="soft wide">{profile.description}</div>}
              </td>
              <td>{profile.kind}</td>
              <td className="soft">{summary(profile)}</td>
              <td title="Machines, menus and open deployments that name it">
                {profile.usedBy > 0 ? (
                  <Link to="/machines" search={{ profile: profile.name }}>
                    {count(profile.usedBy, 'time')}
                  </Link>
                ) : (
                  <span className="soft">never</span>
                )}
              </td>
              {operator && (
                <td className="end" style={{ whiteSpace: 'nowrap' }}>
                  <ActionIcon aria-label={`Edit ${profile.name}`} onClick={() => setEditing(profile)}>
                    <IconPencil size={16} />
                  </ActionIcon>
                  <Confirm
                    title={`Delete ${profile.name}?`}
                    text="The profile is deleted. It is refused while a machine or a menu names it."
                    action="Delete profile"
                    onConfirm={() => remove.mutate({ params: { profile: profile.name } })}
                  >
                    {(ask) => (
                      <ActionIcon aria-label={`Delete ${profile.name}`} onClick={ask}>
                        <IconTrash size={16} />
                      </ActionIcon>
                    )}
                  </Confirm>
                </td>
              )}
            </tr>
          )}
        </Listing>
      </Card>
      <Drawer
        opened={editing !== null}
        onClose={close}
        size="lg"
        title={editing && editing !== 'new' ? `Edit ${editing.name}` : 'Create a profile'}
      >
        {editing && <ProfileForm profile={editing === 'new' ? undefined : editing} onClose={close} />}
      </Drawer>
    </Page>
  )
}
