import { Collapse, SegmentedControl, Select, Text, TextInput, UnstyledButton } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Volume } from '../../api/contract/volumes.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo, useGet } from '../api/use.ts'
import { labelTexts } from '../images/labels.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { NumberField } from '../parts/fields.tsx'
import { ImageSelect } from '../profiles/image-select.tsx'
import { VolumeSelect } from './select.tsx'
import { NO_TERMS, type Terms, TermsFields, termsBody } from './terms.tsx'
import { fromGiB } from './words.ts'

type From = 'image' | 'empty' | 'clone'

/** Makes a volume over an image version, empty, or as a clone; `clone` names what is cloned. */
export function CreateVolume({ clone, onClose }: { clone?: Volume; onClose: () => void }) {
  const navigate = useNavigate()
  const [from, setFrom] = useState<From>(clone ? 'clone' : 'image')
  const [name, setName] = useState('')
  const [image, setImage] = useState('')
  const [source, setSource] = useState<string | null>(clone?.name ?? null)
  const [snapshot, setSnapshot] = useState<string | null>(null)
  const [gib, setGib] = useState<number | null>(null)
  const [terms, setTerms] = useState<Terms>({ ...NO_TERMS, labels: clone ? labelTexts(clone.labels) : [] })
  const [more, setMore] = useState(false)
  const original = useGet('getVolume', { params: { volume: source ?? '' } }, { enabled: source !== null })
  const create = useDo('createVolume', {
    quiet: true,
    done: (made) => `Volume ${made.name} is made.`,
    after: (made) => {
      onClose()
      void navigate({ to: '/volumes/$volume', params: { volume: made.name } })
    },
  })
  const { error } = create
  return (
    <FormDialog
      title={clone ? `Clone ${clone.name}` : 'Create a volume'}
      action={clone ? 'Clone' : 'Create volume'}
      error={error}
      busy={create.isPending}
      disabled={from === 'image' ? !image : from === 'clone' ? !source : !gib}
      onClose={onClose}
      onSend={() =>
        create.mutate({
          body: {
            name: name.trim(),
            image: from === 'image' ? image : null,
            clone: from === 'clone' && source ? { volume: source, snapshot } : null,
            bytes: fromGiB(gib),
            ...termsBody(terms),
          },
        })
      }
    >
      <TextInput
        label="Name"
        data-autofocus
        required
        withAsterisk={false}
        placeholder="games"
        value={name}
        error={fieldProblem(error, 'name')}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      {!clone && (
        <SegmentedControl
          size="xs"
          aria-label="Made of"
          value={from}
          onChange={(value) => setFrom(value as From)}
          data={[
            { value: 'image', label: 'An image version' },
            { value: 'empty', label: 'Empty' },
            { value: 'clone', label: 'Clone of a volume' },
          ]}
        />
      )}
      {from === 'image' && (
        <ImageSelect
          label="Image"
          kinds={['disk']}
          value={image}
          error={fieldProblem(error, 'image')}
          onChange={setImage}
        />
      )}
      {from === 'clone' && !clone && (
        <VolumeSelect
          label="Volume"
          value={source}
          onChange={(volume) => {
            setSource(volume)
            setSnapshot(null)
          }}
        />
      )}
      {from === 'clone' && (original.data?.snapshots.length ?? 0) > 0 && (
        <Select
          label="As it is, or was"
          clearable
          placeholder="As it is now"
          data={original.data?.snapshots.map((each) => each.name) ?? []}
          value={snapshot}
          onChange={setSnapshot}
        />
      )}
      <NumberField
        label="Size in GiB"
        description={
          from === 'empty'
            ? 'Takes no space until it is written'
            : 'Left out: that of what it is made of; the rest is zeros'
        }
        min={0}
        decimalScale={10}
        required={from === 'empty'}
        withAsterisk={false}
        value={gib}
        of="bytes"
        error={error}
        onChange={setGib}
      />
      <UnstyledButton onClick={() => setMore(!more)} aria-expanded={more}>
        <Text size="sm" td="underline">
          {more ? 'Fewer choices' : 'Limit, boots, labels, notes'}
        </Text>
      </UnstyledButton>
      <Collapse expanded={more}>
        <TermsFields terms={terms} onChange={setTerms} error={error} />
      </Collapse>
    </FormDialog>
  )
}
