import { Checkbox, Select, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Volume } from '../../api/contract/volumes.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo, useGet } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { NumberField, TextField } from '../parts/fields.tsx'
import { Notice } from '../parts/notice.tsx'
import { bytes } from '../parts/words.ts'
import { Kick } from './snapshots.tsx'
import { TermsFields, termsBody, termsOf } from './terms.tsx'
import { attachedTo, fromGiB, toGiB } from './words.ts'

type Dialog = { volume: Volume; onClose: () => void }

/** A choice between the content of now and that of a snapshot. */
function Moment(props: { volume: Volume; value: string | null; onChange: (snapshot: string | null) => void }) {
  if (props.volume.snapshots.length === 0) return null
  return (
    <Select
      label="Which content"
      clearable
      placeholder="As it is now"
      data={props.volume.snapshots.map((each) => each.name)}
      value={props.value}
      onChange={props.onChange}
    />
  )
}

/** Makes a new image version of a volume; how far it is shows on the page of the volume. */
export function Publish({ volume, snapshot: first, onClose }: Dialog & { snapshot: string | null }) {
  const [image, setImage] = useState(volume.base?.image ?? volume.name)
  const [snapshot, setSnapshot] = useState(first)
  const [note, setNote] = useState('')
  const images = useGet('listImages', { query: { limit: 1000, kind: 'disk' } })
  const known = images.data?.items.find(({ name }) => name === image.trim())
  const publish = useDo('publishVolume', {
    quiet: true,
    done: () => `${volume.name} is being published.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Publish ${volume.name}`}
      action="Publish"
      error={publish.error}
      busy={publish.isPending}
      onClose={onClose}
      onSend={() => publish.mutate({ params: { volume: volume.id }, body: { image: image.trim(), snapshot, note } })}
    >
      <Text size="sm" c="dimmed">
        Makes an image version of its content. Only what changed is added; the volume stays as it is.
      </Text>
      <TextField
        label="Image"
        description={
          known
            ? `Becomes the version after @${known.latest ?? 0}`
            : images.data && image.trim()
              ? 'A new image of that name'
              : undefined
        }
        data-autofocus
        required
        withAsterisk={false}
        value={image}
        of="image"
        error={publish.error}
        onChange={setImage}
      />
      <Moment volume={volume} value={snapshot} onChange={setSnapshot} />
      {snapshot === null && attachedTo(volume).length > 0 && (
        <Notice tone="wait" title="It is in use">
          <p>
            {attachedTo(volume)[0]} may be in the middle of writing, and its files then not whole. Shut it down first,
            or publish a snapshot.
          </p>
        </Notice>
      )}
      <TextField
        label="Note"
        placeholder="What is special about this version"
        maxLength={500}
        value={note}
        onChange={setNote}
      />
    </FormDialog>
  )
}

export function Resize({ volume, onClose }: Dialog) {
  const [gib, setGib] = useState<number | null>(toGiB(volume.bytes))
  const [shrink, setShrink] = useState(false)
  const wanted = fromGiB(gib)
  const less = wanted !== null && wanted < volume.bytes
  const resize = useDo('resizeVolume', {
    quiet: true,
    done: (saved) => `${saved.name} has ${bytes(saved.bytes)} now.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Resize ${volume.name}`}
      action={less ? 'Cut off the end' : 'Resize'}
      danger={less}
      error={resize.error}
      busy={resize.isPending}
      disabled={wanted === null || wanted === volume.bytes || (less && !shrink)}
      onClose={onClose}
      onSend={() => {
        if (wanted !== null) resize.mutate({ params: { volume: volume.id }, body: { bytes: wanted, shrink } })
      }}
    >
      <NumberField
        label="Size in GiB"
        description={`Now ${bytes(volume.bytes)}. Partitions and filesystems on it are not changed.`}
        data-autofocus
        min={0}
        decimalScale={10}
        value={gib}
        onChange={setGib}
      />
      {less && wanted !== null && (
        <Checkbox
          label={`Cut off the last ${bytes(volume.bytes - wanted)}`}
          description="What is stored there is lost. Shrink the filesystem on it first."
          checked={shrink}
          onChange={(event) => setShrink(event.currentTarget.checked)}
        />
      )}
    </FormDialog>
  )
}

export function Recreate({ volume, onClose }: Dialog) {
  const [kick, setKick] = useState(false)
  const used = attachedTo(volume)
  const recreate = useDo('recreateVolume', {
    quiet: true,
    done: () => `${volume.name} begins anew.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Recreate ${volume.name}?`}
      action="Recreate"
      danger
      typed={volume.name}
      error={recreate.error}
      busy={recreate.isPending}
      disabled={used.length > 0 && !kick}
      onClose={onClose}
      onSend={() => recreate.mutate({ params: { volume: volume.id }, body: { kick } })}
    >
      <Notice tone="bad" title="What is lost">
        <p>
          All that was ever written to {volume.name}
          {volume.snapshots.length > 0 && `, and its snapshots ${volume.snapshots.map((each) => each.name).join(', ')}`}
          . Name, labels, limit and exports stay.
        </p>
      </Notice>
      <Kick used={used} kick={kick} onChange={setKick} />
    </FormDialog>
  )
}

export function Dump({ volume, onClose }: Dialog) {
  const [file, setFile] = useState(`${volume.name}.img`)
  const [snapshot, setSnapshot] = useState<string | null>(null)
  const [replace, setReplace] = useState(false)
  const dump = useDo('dumpVolume', { quiet: true, done: () => `${volume.name} is being dumped.`, after: onClose })
  return (
    <FormDialog
      title={`Dump ${volume.name} to a file`}
      action="Dump"
      error={dump.error}
      busy={dump.isPending}
      onClose={onClose}
      onSend={() => dump.mutate({ params: { volume: volume.id }, body: { file: file.trim(), snapshot, replace } })}
    >
      <FileName value={file} error={fieldProblem(dump.error, 'file')} onChange={setFile} />
      <Moment volume={volume} value={snapshot} onChange={setSnapshot} />
      <Checkbox
        label="Replace a file of that name"
        checked={replace}
        onChange={(event) => setReplace(event.currentTarget.checked)}
      />
    </FormDialog>
  )
}

export function Restore({ volume, onClose }: Dialog) {
  const [file, setFile] = useState(`${volume.name}.img`)
  const restore = useDo('restoreVolume', {
    quiet: true,
    done: () => `${volume.name} is being restored.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Restore ${volume.name} from a file?`}
      action="Replace its content"
      danger
      typed={volume.name}
      error={restore.error}
      busy={restore.isPending}
      onClose={onClose}
      onSend={() => restore.mutate({ params: { volume: volume.id }, body: { file: file.trim() } })}
    >
      <Notice tone="bad" title="What is lost">
        <p>All that {volume.name} has now, but for what snapshots hold. Take a snapshot first if in doubt.</p>
      </Notice>
      <FileName value={file} error={fieldProblem(restore.error, 'file')} onChange={setFile} />
    </FormDialog>
  )
}

function FileName(props: { value: string; error: string | undefined; onChange: (file: string) => void }) {
  return (
    <TextInput
      label="File"
      description="In the server's own export folder"
      data-autofocus
      required
      withAsterisk={false}
      value={props.value}
      error={props.error}
      onChange={(event) => props.onChange(event.currentTarget.value)}
    />
  )
}

/** What is said of a volume, what it may take, and how the system that has it sees it. */
export function EditVolume({ volume, onClose }: Dialog) {
  const [name, setName] = useState(volume.name)
  const [terms, setTerms] = useState(termsOf(volume))
  const [scsi, setScsi] = useState(volume.scsi)
  const save = useDo('updateVolume', { quiet: true, done: (saved) => `${saved.name} is saved.`, after: onClose })
  return (
    <FormDialog
      title={`Edit ${volume.name}`}
      action="Save"
      error={save.error}
      busy={save.isPending}
      onClose={onClose}
      onSend={() =>
        save.mutate({
          params: { volume: volume.id },
          body: {
            ...(name.trim() !== volume.name ? { name: name.trim() } : {}),
            ...termsBody(terms),
            scsi,
          },
        })
      }
    >
      <TextField label="Name" value={name} of="name" error={save.error} onChange={setName} />
      <TermsFields terms={terms} onChange={setTerms} error={save.error} />
      {(['vendor', 'product', 'revision'] as const).map((part) => (
        <TextInput
          key={part}
          label={`SCSI ${part}`}
          maxLength={{ vendor: 8, product: 16, revision: 4 }[part]}
          value={scsi[part]}
          error={fieldProblem(save.error, `scsi.${part}`)}
          onChange={(event) => setScsi({ ...scsi, [part]: event.currentTarget.value })}
        />
      ))}
    </FormDialog>
  )
}
