import { Button, Drawer, Menu } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconChevronDown, IconPencil, IconTrash, IconUpload, IconWorldDownload } from '@tabler/icons-react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { useMay, useMe } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Card, Columns, Empty, Facts, Loaded, Page, Stacked } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, count } from '../parts/words.ts'
import { Damage } from './damage.tsx'
import { ImageForm } from './edit.tsx'
import { FetchImage } from './fetch.tsx'
import { VISIBILITY_LOOKS } from './list.tsx'
import { Upload } from './upload.tsx'
import { Version } from './version.tsx'

export function ImagePage() {
  const { image: name } = useParams({ from: '/images/$image' })
  const image = useGet('getImage', { params: { image: name } })
  if (image.data) return <ImageView image={image.data} />
  return (
    <Page title={name}>
      <Loaded query={image}>{() => null}</Loaded>
    </Page>
  )
}

/** How many versions are drawn at first. */
const FIRST = 30

function ImageView({ image }: { image: Image }) {
  const [all, setAll] = useState(false)
  const versions = image.versions.toReversed()
  const shown = all ? versions : versions.slice(0, FIRST)
  return (
    <Page
      title={image.name}
      beside={
        <>
          <span className="soft">{image.kind}</span>
          <Status look={VISIBILITY_LOOKS[image.visibility]} />
        </>
      }
      lead={image.description || undefined}
      actions={<Actions image={image} />}
    >
      <Columns aside={<About image={image} />}>
        <Damage image={image.name} />
        {image.versions.length === 0 && (
          <Card>
            <Empty title="It has no version yet">
              Upload the files that machines are to get, let the server fetch them, or capture the disk of a machine.
            </Empty>
          </Card>
        )}
        {shown.map((version) => (
          <Version key={version.number} image={image} version={version} />
        ))}
        {shown.length < versions.length && (
          <Button variant="default" onClick={() => setAll(true)}>
            Show the {count(versions.length - shown.length, 'older version')}
          </Button>
        )}
      </Columns>
    </Page>
  )
}

function Actions({ image }: { image: Image }) {
  const [uploading, upload] = useDisclosure(false)
  const [fetching, fetch] = useDisclosure(false)
  const user = useMay('user')
  const operator = useMay('operator')
  const navigate = useNavigate()
  const remove = useDo('deleteImage', {
    done: () => `${image.name} is deleted.`,
    after: () => void navigate({ to: '/images' }),
  })
  const used = image.usedBy.length > 0
  return (
    <>
      {user && (
        <Button leftSection={<IconUpload size={15} />} onClick={upload.open}>
          New version
        </Button>
      )}
      {operator && (
        <Confirm
          title={`Delete ${image.name}?`}
          text={`All ${count(image.versions.length, 'version')} (${bytes(image.bytes)}) are deleted; pieces that other images share stay. This cannot be undone.`}
          action="Delete image"
          onConfirm={() => remove.mutate({ params: { image: image.name } })}
        >
          {(ask) => (
            <Menu>
              <Menu.Target>
                <Button variant="default" rightSection={<IconChevronDown size={13} />} loading={remove.isPending}>
                  More
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconWorldDownload size={15} />} onClick={fetch.open}>
                  Fetch a version from an address…
                </Menu.Item>
                <Menu.Item color="red" leftSection={<IconTrash size={15} />} disabled={used} onClick={ask}>
                  {used ? `Delete: not while ${image.usedBy[0]} names it` : 'Delete…'}
                </Menu.Item>
              </Menu.Dropdown>
            </Menu>
          )}
        </Confirm>
      )}
      {uploading && <Upload image={image} onClose={upload.close} />}
      {fetching && <FetchImage image={image} onClose={fetch.close} />}
    </>
  )
}

function About({ image }: { image: Image }) {
  const me = useMe()
  const operator = useMay('operator')
  const user = useMay('user')
  const [editing, { open, close }] = useDisclosure(false)
  const may = operator || (user && image.owner === me.name)
  const labels = Object.entries(image.labels)
  return (
    <Stacked>
      <Card
        title="About"
        aside={
          may && (
            <Button size="compact-xs" variant="default" leftSection={<IconPencil size={13} />} onClick={open}>
              Edit
            </Button>
          )
        }
      >
        <Facts
          rows={[
            ['Owner', image.owner],
            ['Seen by', seenBy(image)],
            ['Kept', `${bytes(image.bytes)} in ${count(image.versions.length, 'version')}`],
            [
              'Pruned',
              image.prune ? (
                `all but the newest ${image.prune.keep}, pinned ones, and those in use`
              ) : (
                <span key="never" className="soft">
                  never
                </span>
              ),
            ],
            [
              'Used by',
              image.usedBy.length > 0 ? (
                image.usedBy.map((profile) => (
                  <div key={profile}>
                    <Link to="/profiles/$profile" params={{ profile }}>
                      {profile}
                    </Link>
                  </div>
                ))
              ) : (
                <span key="none" className="soft">
                  no profile
                </span>
              ),
            ],
            ...labels.map(([name, value]) => [name, value || 'yes'] as const),
            ['Made', <Ago key="made" at={image.createdAt} />],
            ['Changed', <Ago key="changed" at={image.updatedAt} />],
          ]}
        />
      </Card>
      <Drawer opened={editing} onClose={close} title={`Edit ${image.name}`} size="md">
        {editing && <ImageForm image={image} onClose={close} />}
      </Drawer>
    </Stacked>
  )
}

function seenBy(image: Image): string {
  if (image.visibility === 'public') return 'everybody who can log in'
  if (image.visibility === 'private' || image.sharedWith.length === 0) return 'its owner and operators'
  return `its owner, operators, ${image.sharedWith.join(', ')}`
}
