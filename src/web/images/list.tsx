import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconUpload } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useMay } from '../api/me.tsx'
import { useGet } from '../api/use.ts'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { Pager, useCursor } from '../parts/pager.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { Upload } from './upload.tsx'

const LIMIT = 50

export function ImagesPage() {
  const [opened, { open, close }] = useDisclosure(false)
  const user = useMay('user')
  const walk = useCursor('')
  const images = useGet('listImages', { query: { limit: LIMIT, cursor: walk.cursor } }, { keep: true })
  const button = user && (
    <Button leftSection={<IconUpload size={15} />} onClick={open}>
      Upload image
    </Button>
  )
  return (
    <Page
      title="Images"
      actions={button}
      lead="What machines load: a kernel with its initrds, or an ISO, in numbered versions that never change."
    >
      <Card flush label="Images">
        <Loaded query={images}>
          {(page) =>
            page.items.length === 0 ? (
              <Empty title="There is no image yet" action={button}>
                Upload a kernel and its initrds, or an ISO. A profile then names the image, and machines with that
                profile boot it.
              </Empty>
            ) : (
              <>
                <table className="rows">
                  <thead>
                    <tr>
                      <th>Image</th>
                      <th>Kind</th>
                      <th>Newest version</th>
                      <th className="end">Size</th>
                      <th className="wide">Used by profiles</th>
                      <th className="wide">Changed</th>
                    </tr>
                  </thead>
                  <tbody>
                    {page.items.map((image) => (
                      <tr key={image.name}>
                        <td>
                          <Link to="/images/$image" params={{ image: image.name }} className="name">
                            {image.name}
                          </Link>
                          {image.description && <div className="soft wide">{image.description}</div>}
                        </td>
                        <td>{image.kind}</td>
                        <td>{image.latest === null ? <span className="soft">none</span> : `@${image.latest}`}</td>
                        <td className="end figures">{bytes(image.bytes)}</td>
                        <td className="wide">{image.usedBy.join(', ') || <span className="soft">none</span>}</td>
                        <td className="wide soft">
                          <Ago at={image.updatedAt} />
                        </td>
                      </tr>
                    ))}
                  </tbody>
                </table>
                <Pager walk={walk} limit={LIMIT} shown={page.items.length} next={page.next} total={page.total} />
              </>
            )
          }
        </Loaded>
      </Card>
      {opened && <Upload opened onClose={close} />}
    </Page>
  )
}
