import { ActionIcon, Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconDownload, IconTrash, IconUpload } from '@tabler/icons-react'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import { pathOf } from '../../api/client/client.ts'
import { ROUTES } from '../../api/client/routes.ts'
import type { Image } from '../../api/contract/images.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { Card, Empty, Loaded, Page } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { Upload } from './upload.tsx'

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

function ImageView({ image }: { image: Image }) {
  const [uploading, { open, close }] = useDisclosure(false)
  const user = useMay('user')
  const operator = useMay('operator')
  const navigate = useNavigate()
  const remove = useDo('deleteImage', {
    done: () => `${image.name} is deleted.`,
    after: () => void navigate({ to: '/images' }),
  })
  return (
    <Page
      title={image.name}
      beside={<span className="soft">{image.kind}</span>}
      lead={image.description || undefined}
      actions={
        <>
          {user && (
            <Button leftSection={<IconUpload size={15} />} onClick={open}>
              New version
            </Button>
          )}
          {operator && (
            <Confirm
              title={`Delete ${image.name}?`}
              text={`All ${image.versions.length} versions (${bytes(image.bytes)}) are deleted. This cannot be undone.`}
              action="Delete image"
              onConfirm={() => remove.mutate({ params: { image: image.name } })}
            >
              {(ask) => (
                <Button variant="default" leftSection={<IconTrash size={15} />} onClick={ask}>
                  Delete
                </Button>
              )}
            </Confirm>
          )}
        </>
      }
    >
      <div style={{ display: 'grid', gap: '0.9rem' }}>
        {image.usedBy.length > 0 && (
          <p style={{ margin: 0 }}>
            Used by <Link to="/profiles">{image.usedBy.join(', ')}</Link>.
          </p>
        )}
        {image.versions.length === 0 && (
          <Card>
            <Empty title="It has no version yet">Upload the files that machines are to load.</Empty>
          </Card>
        )}
        {image.versions.toReversed().map((version) => (
          <Version key={version.number} image={image} version={version} mayDelete={operator} />
        ))}
      </div>
      {uploading && (image.kind === 'bundle' || image.kind === 'iso') && (
        <Upload image={{ name: image.name, kind: image.kind }} opened onClose={close} />
      )}
    </Page>
  )
}

function Version({
  image,
  version,
  mayDelete,
}: {
  image: Image
  version: Image['versions'][number]
  mayDelete: boolean
}) {
  const reference = `${image.name}@${version.number}`
  const remove = useDo('deleteVersion', { done: () => `${reference} is deleted.` })
  return (
    <Card
      flush
      title={`@${version.number}${version.number === image.latest ? ' · newest' : ''}`}
      beside={
        <span className="soft">
          <Ago at={version.createdAt} /> by {version.createdBy}
          {version.note && ` · ${version.note}`}
        </span>
      }
      aside={
        mayDelete && (
          <Confirm
            title={`Delete ${reference}?`}
            text="Its files are deleted unless another version has the same ones. This cannot be undone."
            action="Delete version"
            onConfirm={() => remove.mutate({ params: { image: image.name, version: version.number } })}
          >
            {(ask) => (
              <ActionIcon onClick={ask} aria-label={`Delete ${reference}`}>
                <IconTrash size={16} />
              </ActionIcon>
            )}
          </Confirm>
        )
      }
    >
      <table className="rows">
        <thead>
          <tr>
            <th>File</th>
            <th>Role</th>
            <th className="end">Size</th>
            <th className="wide">SHA-256</th>
            <th aria-label="Download" />
          </tr>
        </thead>
        <tbody>
          {version.files.map((file) => (
            <tr key={file.role + file.name}>
              <td className="mono">{file.name}</td>
              <td>{file.role}</td>
              <td className="end figures">{bytes(file.bytes)}</td>
              <td className="wide soft">
                <span className="mono" title={file.sha256}>
                  {file.sha256.slice(0, 16)}…
                </span>
              </td>
              <td className="end">
                <ActionIcon
                  component="a"
                  href={pathOf(
                    ROUTES.getContent[1],
                    { image: image.name, version: version.number },
                    { file: file.name },
                  )}
                  download={file.name}
                  aria-label={`Download ${file.name}`}
                >
                  <IconDownload size={16} />
                </ActionIcon>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {version.cmdline && (
        <p style={{ margin: 0, padding: '0.6rem 0.75rem', borderTop: '1px solid var(--rv-line)' }}>
          <span className="soft">Command line: </span>
          <Code copy>{version.cmdline}</Code>
        </p>
      )}
    </Card>
  )
}
