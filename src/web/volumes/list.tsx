import { Button, Group, Select } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlugConnected, IconPlus } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { Volume } from '../../api/contract/volumes.ts'
import { useMay } from '../api/me.tsx'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, Stacked } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { CreateVolume } from './create.tsx'
import { JobsUnderWay } from './jobs.tsx'
import { CONDITION_LOOKS, VolumeCondition } from './looks.tsx'
import { Pools } from './pools.tsx'
import { NotServed } from './serving.tsx'
import { attachedTo, baseText, type Condition, USE_WORDS, type Use, type VolumeFilter } from './words.ts'

const USES = Object.entries(USE_WORDS) as [Use, string][]
const CONDITIONS = Object.keys(CONDITION_LOOKS) as Condition[]

export function VolumesPage() {
  const filter = useSearch({ from: '/volumes' })
  const navigate = useNavigate({ from: '/volumes' })
  const operator = useMay('operator')
  const [creating, create] = useDisclosure(false)
  const volumes = useList('listVolumes', { query: filter })
  const to = (more: VolumeFilter) => void navigate({ search: (before) => ({ ...before, ...more }) })
  const filterText = useCallback(
    (text: string | undefined) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true }),
    [navigate],
  )
  const filterLabel = useCallback(
    (label: string | undefined) => void navigate({ search: (before) => ({ ...before, label }), replace: true }),
    [navigate],
  )
  const filtered = Object.values(filter).some((value) => value !== undefined)
  const button = operator && (
    <Button leftSection={<IconPlus size={15} />} onClick={create.open}>
      Create volume
    </Button>
  )
  return (
    <Page
      title="Volumes"
      actions={
        <>
          <Button
            variant="default"
            leftSection={<IconPlugConnected size={15} />}
            renderRoot={(props) => <Link to="/sessions" {...props} />}
          >
            Sessions
          </Button>
          {button}
        </>
      }
      lead="Disks that machines have over iSCSI: copy-on-write over an image version, or empty at first."
    >
      <Stacked>
        <NotServed />
        <Pools />
        <JobsUnderWay />
        <Card flush open label="Volumes">
          <Filters>
            <FilterText
              label="Filter volumes"
              placeholder="Name, base image, notes"
              value={filter.q}
              onChange={filterText}
            />
            <FilterChoice
              label="Use"
              words={[[undefined, 'all'], ...USES]}
              value={filter.use}
              onChange={(use) => to({ use })}
            />
            <Select
              aria-label="Condition"
              placeholder="Any condition"
              size="xs"
              w={150}
              clearable
              data={CONDITIONS}
              value={filter.condition ?? null}
              onChange={(condition) => to({ condition: (condition as Condition | null) ?? undefined })}
            />
            <FilterText
              label="Filter by label"
              placeholder="Label: KEY or KEY=VALUE"
              value={filter.label}
              onChange={filterLabel}
            />
            {filter.machine && (
              <Button
                variant="light"
                rightSection={<span aria-hidden>×</span>}
                onClick={() => to({ machine: undefined })}
              >
                machine {filter.machine}
              </Button>
            )}
          </Filters>
          <Listing
            list={volumes}
            head={<VolumeHead />}
            empty={
              filtered ? (
                <Empty
                  title="No volume matches"
                  action={
                    <Button variant="default" onClick={() => void navigate({ to: '/volumes', search: {} })}>
                      Show all volumes
                    </Button>
                  }
                />
              ) : (
                <Empty title="There is no volume yet" action={<Group gap="xs">{button}</Group>}>
                  Machines with a diskless profile get theirs at their first boot, by themselves. Create one by hand for
                  shared data, or to export it to an initiator of your own.
                </Empty>
              )
            }
          >
            {(volume) => <VolumeRow key={volume.id} volume={volume} />}
          </Listing>
        </Card>
      </Stacked>
      {creating && <CreateVolume onClose={create.close} />}
    </Page>
  )
}

export function VolumeHead() {
  return (
    <>
      <th>Volume</th>
      <th>Condition</th>
      <th>Base</th>
      <th className="end">Size</th>
      <th className="end">Own</th>
      <th>Attached</th>
      <th className="wide">Use</th>
      <th className="widest">Last attached</th>
    </>
  )
}

export function VolumeRow({ volume }: { volume: Volume }) {
  return (
    <tr>
      <td>
        <Link to="/volumes/$volume" params={{ volume: volume.name }} className="name" title={volume.name}>
          {volume.name}
        </Link>
        {volume.notes && <div className="soft wide ellipsis">{volume.notes.split('\n')[0]}</div>}
      </td>
      <td>
        <VolumeCondition condition={volume.condition} />
      </td>
      <td data-label="base">{volume.base ? <BaseLink volume={volume} /> : <span className="soft">empty</span>}</td>
      <td className="end figures" data-label="size">
        {bytes(volume.bytes)}
      </td>
      <td className="end figures" data-label="own" title="What it takes itself, beside its base">
        {volume.ownBytes === null ? <span className="soft">–</span> : bytes(volume.ownBytes)}
      </td>
      <td data-label="attached">
        <Attached volume={volume} />
      </td>
      <td className="wide">
        {volume.use}
        {volume.machine && (
          <div className="soft">
            of{' '}
            <Link to="/machines/$machine" params={{ machine: volume.machine }}>
              {volume.machine}
            </Link>
          </div>
        )}
      </td>
      <td className="widest soft">
        <Ago at={volume.lastAttachedAt} />
      </td>
    </tr>
  )
}

export function BaseLink({ volume }: { volume: Volume }) {
  if (!volume.base) return <>empty</>
  return (
    <Link to="/images/$image" params={{ image: volume.base.image }}>
      {baseText(volume)}
    </Link>
  )
}

/** Who is logged in now; where nobody is, whether somebody may. */
export function Attached({ volume }: { volume: Volume }) {
  const who = attachedTo(volume)
  if (who.length > 0)
    return (
      <Status look={['busy', IconPlugConnected, '']} bare>
        {who[0]}
        {who.length > 1 && ` and ${who.length - 1} more`}
      </Status>
    )
  return <span className="soft">{volume.exports.length > 0 ? 'exported, nobody' : 'nobody'}</span>
}
