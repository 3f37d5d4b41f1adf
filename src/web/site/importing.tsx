import { Button, FileButton, Group, Select } from '@mantine/core'
import { useState } from 'react'
import { Notice } from '../parts/notice.tsx'
import { FolderButton } from './folder-button.tsx'
import { filesOf, folderNameOf, uploadsOf } from './uploads.ts'

const MATCHBOX = 'matchbox folder'
const SOURCES = ['dnsmasq.conf', 'dhcpd.conf', 'CSV of machines', MATCHBOX] as const
const MOST_SHOWN = 100

type Taken = (text: string, notes: readonly string[]) => void

/** Files of other servers, as a site that can be looked at and applied. */
export function ImportRow({ onTaken, onError }: { onTaken: Taken; onError: (error: Error) => void }) {
  const [source, setSource] = useState<(typeof SOURCES)[number]>('dnsmasq.conf')
  const importing = () => import('../../api/client/site/importing.ts')
  const takeFile = async (file: File | null) => {
    if (!file || source === MATCHBOX) return
    const { importCsv, importDhcpd, importDnsmasq, importedText } = await importing()
    const read = { 'dnsmasq.conf': importDnsmasq, 'dhcpd.conf': importDhcpd, 'CSV of machines': importCsv }[source]
    const imported = read(await file.text(), file.name)
    onTaken(importedText(imported, file.name), imported.notes)
  }
  const takeFolder = async (files: readonly File[]) => {
    if (files.length === 0) return
    const { importMatchboxFolder, importedText } = await importing()
    const folder = folderNameOf(files)
    const imported = await importMatchboxFolder(filesOf(uploadsOf(files, folder)), folder)
    onTaken(importedText(imported, folder), imported.notes)
  }
  const tried = (work: Promise<void>) => {
    work.catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
  }
  return (
    <Group align="flex-end" gap="xs">
      <Select
        label="Made of another server's files"
        description="What is not taken over is told, and stands in comments above the rest"
        allowDeselect={false}
        data={[...SOURCES]}
        value={source}
        onChange={(value) => setSource(SOURCES.find((each) => each === value) ?? 'dnsmasq.conf')}
      />
      {source === MATCHBOX ? (
        <FolderButton label="Choose its folder" size="sm" onChange={(files) => tried(takeFolder(files))} />
      ) : (
        <FileButton onChange={(file) => tried(takeFile(file))}>
          {(props) => (
            <Button {...props} variant="default">
              Choose its file
            </Button>
          )}
        </FileButton>
      )}
    </Group>
  )
}

/** What was not taken over, or is called otherwise now, each with its file and line. */
export function ImportNotes({ notes }: { notes: readonly string[] }) {
  const more = notes.length - MOST_SHOWN
  return (
    <Notice tone="wait" title={`To be looked at: ${notes.length} ${notes.length === 1 ? 'note' : 'notes'}`}>
      {[...new Set(notes)].slice(0, MOST_SHOWN).map((note) => (
        <p key={note} className="mono">
          {note}
        </p>
      ))}
      {more > 0 && <p>{more} more are in the comments of the text.</p>}
    </Notice>
  )
}
