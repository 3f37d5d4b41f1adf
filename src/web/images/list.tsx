import { Button, Group } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconLock, IconUpload, IconUsers, IconWorld, IconWorldDownload } from '@tabler/icons-react'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'
import { useCallback } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { useMay } from '../api/me.tsx'
import { FilterChoice, Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { Damage } from './damage.tsx'
import { FetchImage } from './fetch.tsx'
import { KIND_WORDS, Upload } from './upload.tsx'

const KINDS = Object.keys(KIND_WORDS) as Image['kind'][]

export const VISIBILITY_LOOKS: Readonly<Record<Image['visibility'], Look>> = {
  private: ['calm', IconLock, 'private'],
  shared: ['note', IconUsers, 'shared'],
  public: ['calm', IconWorld, 'public'],
}

export function ImagesPage() {
  const { q, kind } = useSearch({ from: '/images' })
  const navigate = useNavigate({ from: '/images' })
  const [uploading, upload] = useDisclosure(false)
  const [fetching, fetch] = useDisclosure(false)
  const user = useMay('user')
  const operator = useMay('operator')
  const images = useList('listImages', { query: { kind, q } })
  const filterText = useCallback(
    (text: string | undefined) => void navigate({ search: (before) => ({ ...before, q: text }), replace: true }),
    [navigate],
  )
  const buttons = (
    <>
      {operator && (
        <Button variant="default" leftSection={<IconWorldDownload size={15} />} onClick={fetch.open}>
          Fetch from an address
        </Button>
      )}
      {user && (
        <Button leftSection={<IconUpload size={15} />} onClick={upload.open}>
          Upload image
        </Button>
      )}
    </>
  )
  return (
    <Page
      title="Images"
      actions={buttons}
      lead="What machines load or have written to their disks, in numbered versions that never change. Equal pieces are kept once."
    >
      <Damage />
      <Card flush open label="Images">
        <Filters>
          <FilterText label="Filter images" placeholder="Name, description, label" value={q} onChange={filterText} />
          <FilterChoice
            label="Kind"
            words={[[undefined, 'all'], ...KINDS.map((each) => [each, each] as const)]}
            value={kind}
            onChange={(word) => void navigate({ search: (before) => ({ ...before, kind: word }) })}
          />
        </Filters>
        <Listing
          list={images}
          head={
            <>
              <th>Image</th>
              <th>Kind</th>
              <th className="end">Size</th>
              <th className="end wide">Kept</th>
              <th>Newest</th>
              <th className="wide">Seen by</th>
              <th className="wide">Owner</th>
              <th className="wide">Used by profiles</th>
              <th className="widest">Changed</th>
            </>
          }
          empty={
            q || kind ? (
              <Empty
                title="No image matches"
                action={
                  <Button variant="default" onClick={() => void navigate({ to: '/images', search: {} })}>
                    Show all images
                  </Button>
                }
              />
            ) : (
              <Empty title="There is no image yet" action={<Group gap="xs">{buttons}</Group>}>
                Upload a disk, a kernel with its initrds, or an ISO. A profile then names the image, and machines with
                that profile get it.
              </Empty>
            )
          }
        >
          {(image) => <ImageRow key={image.name} image={image} />}
        </Listing>
      </Card>
      {uploading && <Upload onClose={upload.close} />}
      {fetching && <FetchImage onClose={fetch.close} />}
    </Page>
  )
}

function ImageRow({ image }: { image: Image }) {
  const newest = image.versions.find(({ number }) => number === image.latest)
  return (
    <tr>
      <td>
        <Link to="/images/$image" params={{ image: image.name }} className="name" title={image.name}>
          {image.name}
        </Link>
        {image.description && <div className="soft wide">{image.description}</div>}
      </td>
      <td>{image.kind}</td>
      <td className="end figures">
        {newest ? bytes(newest.disk?.bytes ?? newest.files.reduce((sum, file) => sum + file.bytes, 0)) : ''}
      </td>
      <td className="end figures wide" title="All versions together; what they share counts once">
        {bytes(image.bytes)}
      </td>
      <td>{image.latest === null ? <span className="soft">none</span> : `@${image.latest}`}</td>
      <td className="wide">
        <Status look={VISIBILITY_LOOKS[image.visibility]} bare />
      </td>
      <td className="wide">{image.owner}</td>
      <td className="wide">
        {image.usedBy.length === 0 && <span className="soft">none</span>}
        {image.usedBy.slice(0, 3).map((profile, at) => (
          <span key={profile}>
            {at > 0 && ', '}
            <Link to="/profiles/$profile" params={{ profile }}>
              {profile}
            </Link>
          </span>
        ))}
        {image.usedBy.length > 3 && ` and ${image.usedBy.length - 3} more`}
      </td>
      <td className="widest soft">
        <Ago at={image.updatedAt} />
      </td>
    </tr>
  )
}
