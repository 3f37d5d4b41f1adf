import { ActionIcon } from '@mantine/core'
import { IconDownload, IconPin } from '@tabler/icons-react'
import type { Image } from '../../api/contract/images.ts'
import { Code } from '../parts/copy.tsx'
import { Card, Facts } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { contentPath, type ImageVersion } from './content.ts'
import { VersionActions } from './version-actions.tsx'

/** One version: what is in it, how much it added, where it came from. */
export function Version({ image, version }: { image: Image; version: ImageVersion }) {
  const { disk } = version
  return (
    <Card
      flush
      title={`@${version.number}${version.number === image.latest ? ' · newest' : ''}`}
      beside={
        <>
          {version.pinned && (
            <Status look={['note', IconPin, 'pinned']} hint="It is not pruned, however many newer ones there are" />
          )}
          <span className="soft">
            <Ago at={version.createdAt} /> by {version.createdBy}
            {version.note && ` · ${version.note}`}
          </span>
        </>
      }
      aside={<VersionActions image={image} version={version} />}
    >
      {disk ? (
        <div style={{ padding: '0.7rem 0.9rem' }}>
          <Facts
            rows={[
              ['Size', <span key="size">{bytes(disk.bytes)}</span>],
              [
                'Allocated',
                `${bytes(disk.allocatedBytes)}${disk.bytes > 0 ? ` (${Math.round((100 * disk.allocatedBytes) / disk.bytes)} %)` : ''}; the rest is zeros`,
              ],
              [
                'Added',
                disk.addedBytes === 0
                  ? 'nothing: every piece of it was here already'
                  : `${bytes(disk.addedBytes)} that no image had before`,
              ],
              ['Table', disk.table?.toUpperCase()],
              ['Filesystems', disk.filesystems.join(', ')],
              ['Source', version.source],
              [
                'SHA-256',
                disk.sha256 && (
                  <Code copy wrap>
                    {disk.sha256}
                  </Code>
                ),
              ],
            ]}
          />
        </div>
      ) : (
        <Files image={image} version={version} />
      )}
      {version.cmdline && (
        <p style={{ margin: 0, padding: '0.6rem 0.75rem', borderTop: '1px solid var(--rv-line)' }}>
          <span className="soft">Command line: </span>
          <Code copy wrap>
            {version.cmdline}
          </Code>
        </p>
      )}
    </Card>
  )
}

function Files({ image, version }: { image: Image; version: ImageVersion }) {
  return (
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
                href={contentPath(image, version, { file: file.name })}
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
  )
}
