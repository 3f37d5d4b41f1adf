import { Button, Drawer } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPencil } from '@tabler/icons-react'
import { Link, useParams } from '@tanstack/react-router'
import type { Profile } from '../../api/contract/profiles.ts'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Card, Columns, Facts, Loaded, Page } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, count } from '../parts/words.ts'
import { Boots } from './boots.tsx'
import { POLICY_WORDS } from './disks.ts'
import { ProfileForm } from './form.tsx'
import { MaintenanceCard } from './maintenance.tsx'
import { RolloutCard } from './rollout.tsx'
import { KINDS } from './spec.ts'

export function ProfilePage() {
  const { profile: name } = useParams({ from: '/profiles/$profile' })
  const profile = useGet('getProfile', { params: { profile: name } })
  if (profile.data) return <ProfileView key={profile.data.name} profile={profile.data} />
  return (
    <Page title={name}>
      <Loaded query={profile}>{() => null}</Loaded>
    </Page>
  )
}

function ProfileView({ profile }: { profile: Profile }) {
  const operator = useMay('operator')
  const [editing, { open, close }] = useDisclosure(false)
  const does = KINDS.find(([kind]) => kind === profile.kind)?.[1]
  const os = profile.kind === 'diskless' ? profile.disks[0] : undefined
  const image = os?.use === 'overlay' ? os.image : undefined
  return (
    <Page
      title={profile.name}
      beside={
        <span className="soft">
          {profile.kind}: {does}
        </span>
      }
      lead={profile.description || undefined}
      actions={
        operator && (
          <Button variant="default" leftSection={<IconPencil size={15} />} onClick={open}>
            Edit
          </Button>
        )
      }
    >
      <Columns aside={<About profile={profile} />}>
        {profile.kind !== 'diskless' && <Boots profile={profile} />}
        {'disks' in profile && profile.disks.length > 0 && (
          <Disks disks={profile.disks} boots={profile.kind === 'diskless'} />
        )}
        {image && (
          <>
            <MaintenanceCard profile={profile.name} image={image} />
            <RolloutCard profile={profile.name} image={image} />
          </>
        )}
      </Columns>
      <Drawer opened={editing} onClose={close} size="lg" title={`Edit ${profile.name}`}>
        {editing && <ProfileForm profile={profile} onClose={close} />}
      </Drawer>
    </Page>
  )
}

function About({ profile }: { profile: Profile }) {
  return (
    <Card title="About">
      <Facts
        rows={[
          [
            'Used',
            profile.usedBy > 0 ? (
              <Link key="used" to="/machines" search={{ profile: profile.name }}>
                {count(profile.usedBy, 'time')}
              </Link>
            ) : (
              <span key="none" className="soft">
                never: set it as the profile of machines
              </span>
            ),
          ],
          ['Gateway', 'hideGateway' in profile && profile.hideGateway && 'hidden from the disk, for Windows'],
          ['Made', <Ago key="made" at={profile.createdAt} />],
          ['Changed', <Ago key="changed" at={profile.updatedAt} />],
        ]}
      />
    </Card>
  )
}

type Disk = Extract<Profile, { kind: 'diskless' }>['disks'][number]

function Disks({ disks, boots }: { disks: readonly Disk[]; boots: boolean }) {
  // A disk has no other identity than its place: its LUN.
  const numbered = disks.map((disk, lun) => ({ disk, lun }))
  return (
    <Card title="Disks over iSCSI" flush>
      <table className="rows">
        <thead>
          <tr>
            <th>LUN</th>
            <th>Disk</th>
            <th>Writes</th>
            <th className="end wide">Size</th>
            <th className="end wide">Limit</th>
          </tr>
        </thead>
        <tbody>
          {numbered.map(({ disk, lun }) => (
            <tr key={lun}>
              <td>
                {lun} {boots && lun === 0 && <span className="soft">boots</span>}
              </td>
              <td>
                {disk.use === 'overlay' && (
                  <Link to="/images/$image" params={{ image: disk.image.replace(/@.*$/, '') }}>
                    {disk.image}
                  </Link>
                )}
                {disk.use === 'volume' && (
                  <Link to="/volumes/$volume" params={{ volume: disk.volume }}>
                    {disk.volume}
                  </Link>
                )}
                {disk.use === 'rotation' && (
                  <Link to="/volumes" search={{ label: `rotation=${disk.rotation}` }}>
                    rotation {disk.rotation}
                  </Link>
                )}
              </td>
              <td>
                {disk.use === 'overlay'
                  ? POLICY_WORDS[disk.policy]
                  : disk.use === 'rotation'
                    ? 'kept in that volume'
                    : disk.access === 'exclusive'
                      ? 'kept, of one machine at a time'
                      : 'none: read-only'}
              </td>
              <td className="end wide figures">
                {disk.use === 'overlay' ? (disk.bytes === null ? 'of the image' : bytes(disk.bytes)) : ''}
              </td>
              <td className="end wide figures">
                {disk.use === 'overlay' && disk.limitBytes !== null ? bytes(disk.limitBytes) : ''}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  )
}
