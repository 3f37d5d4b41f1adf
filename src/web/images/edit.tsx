import { Button, Group, NumberInput, Select, Stack, Switch, TagsInput, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { fieldProblem } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { labelsOf, labelTexts } from './labels.ts'

/** What is said of an image, who may see it, and which versions go by themselves. */
export function ImageForm({ image, onClose }: { image: Image; onClose: () => void }) {
  const admin = useMay('admin')
  const [description, setDescription] = useState(image.description)
  const [owner, setOwner] = useState(image.owner)
  const [visibility, setVisibility] = useState(image.visibility)
  const [sharedWith, setSharedWith] = useState(image.sharedWith)
  const [labels, setLabels] = useState(() => labelTexts(image.labels))
  const [keep, setKeep] = useState(image.prune?.keep ?? null)
  // Only admins may list users; others type names.
  const users = useGet('listUsers', { query: { limit: 1000 } }, { enabled: admin })
  const names = users.data?.items.map(({ name }) => name) ?? []
  const update = useDo('updateImage', { quiet: true, after: onClose, done: (saved) => `${saved.name} is saved.` })
  const { error } = update
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        update.mutate({
          params: { image: image.name },
          body: {
            description,
            visibility,
            sharedWith,
            labels: labelsOf(labels),
            prune: keep === null ? null : { keep },
            ...(owner !== image.owner ? { owner } : {}),
          },
        })
      }}
    >
      <Stack gap="sm">
        <ProblemNote error={error} />
        <TextInput
          label="Description"
          data-autofocus
          maxLength={500}
          value={description}
          onChange={(event) => setDescription(event.currentTarget.value)}
        />
        <TextInput
          label="Owner"
          description="May change and share it"
          value={owner}
          error={fieldProblem(error, 'owner')}
          onChange={(event) => setOwner(event.currentTarget.value)}
        />
        <Select
          label="Who may see and use it"
          allowDeselect={false}
          data={[
            { value: 'private', label: 'its owner and operators' },
            { value: 'shared', label: 'also the users named here' },
            { value: 'public', label: 'everybody who can log in' },
          ]}
          value={visibility}
          onChange={(value) => setVisibility(value as Image['visibility'])}
        />
        {visibility === 'shared' && (
          <TagsInput
            label="Shared with"
            description="Names of users; Enter after each"
            data={names}
            value={sharedWith}
            error={fieldProblem(error, 'sharedWith')}
            onChange={setSharedWith}
            acceptValueOnBlur
          />
        )}
        <TagsInput
          label="Labels"
          description="As name=value, to find and group images by; Enter after each"
          placeholder="os=debian"
          value={labels}
          error={fieldProblem(error, 'labels')}
          onChange={setLabels}
          acceptValueOnBlur
        />
        <Switch
          label="Prune old versions"
          description="Pinned versions and those in use always stay"
          checked={keep !== null}
          onChange={(event) => setKeep(event.currentTarget.checked ? 5 : null)}
        />
        {keep !== null && (
          <NumberInput
            label="How many of the newest to keep"
            min={1}
            max={1000}
            value={keep}
            onChange={(value) => setKeep(Math.max(1, Number(value) || 1))}
          />
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={update.isPending}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
