import { ActionIcon, Button, Collapse, Group, Modal, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { IconPlus, IconTrash, IconWorldDownload } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { imageName } from './format.ts'
import { KIND_WORDS } from './upload.tsx'

type Kind = Image['kind']
type Source = { url: string; sha256: string; signature: string }
const NONE: Source = { url: '', sha256: '', signature: '' }

/** Lets the server fetch an image from an address, check it and keep it as a version. */
export function FetchImage({ image, onClose }: { image?: Pick<Image, 'name' | 'kind'>; onClose: () => void }) {
  const navigate = useNavigate()
  const [kind, setKind] = useState<Kind>(image?.kind ?? 'disk')
  const [name, setName] = useState(image?.name ?? '')
  const [sources, setSources] = useState<Source[]>([NONE])
  const [cmdline, setCmdline] = useState('')
  const [key, setKey] = useState('')
  const [release, setRelease] = useState({ channel: '', version: '', arch: 'amd64' })
  const fetching = useDo('fetchImage', {
    quiet: true,
    done: (made) => `${made.name}@${made.latest} is here.`,
    after: (made) => {
      onClose()
      if (!image) void navigate({ to: '/images/$image', params: { image: made.name } })
    },
  })
  const { error, isPending: busy } = fetching
  const change = (at: number, more: Partial<Source>) =>
    setSources(sources.map((source, index) => (index === at ? { ...source, ...more } : source)))
  const placed = sources.some(({ url }) => /\{(channel|version|arch)\}/.test(url))
  const signed = sources.some(({ signature }) => signature !== '')
  // A source has no other identity than its place while its address is typed.
  const places = sources.map((_, place) => `${place} of ${sources.length}`)
  return (
    <Modal opened onClose={onClose} size="lg" title={image ? `Fetch a version of ${image.name}` : 'Fetch an image'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          const files = sources
            .filter(({ url }) => url)
            .map(({ url, sha256, signature }, index) => ({
              url: url.trim(),
              ...(sha256.trim() ? { sha256: sha256.trim().toLowerCase() } : {}),
              ...(signature.trim() ? { signature: signature.trim() } : {}),
              ...(kind === 'bundle' ? { role: index === 0 ? ('kernel' as const) : ('initrd' as const) } : {}),
            }))
          const body = { kind, files, cmdline, ...release, ...(key.trim() ? { key } : {}) }
          fetching.mutate({ params: { image: name }, body })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={error} />
          {!image && (
            <Group grow align="flex-start">
              <TextInput
                label="Name"
                required
                withAsterisk={false}
                placeholder="flatcar"
                value={name}
                error={fieldProblem(error, 'image')}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Select
                label="Kind"
                allowDeselect={false}
                data={Object.entries(KIND_WORDS).map(([value, { word }]) => ({ value, label: word }))}
                value={kind}
                onChange={(value) => setKind(value as Kind)}
              />
            </Group>
          )}
          {sources.map((source, index) => (
            <Stack key={places[index]} gap={6}>
              <Group gap="xs" align="flex-end" wrap="nowrap">
                <TextInput
                  label={kind !== 'bundle' ? 'Address' : index === 0 ? 'Address of the kernel' : 'Address of an initrd'}
                  flex={1}
                  type="url"
                  required={index === 0}
                  withAsterisk={false}
                  data-autofocus={index === 0 || undefined}
                  placeholder="https://example.org/images/{version}/disk.img.xz"
                  value={source.url}
                  error={fieldProblem(error, `files.${index}.url`)}
                  onChange={(event) => {
                    const url = event.currentTarget.value
                    change(index, { url })
                  }}
                  onBlur={() => {
                    if (!name && source.url) setName(imageName(source.url.split('/').at(-1) ?? ''))
                  }}
                />
                {index > 0 && (
                  <ActionIcon
                    size="lg"
                    aria-label="Remove this address"
                    onClick={() => setSources(sources.filter((_, at) => at !== index))}
                  >
                    <IconTrash size={16} />
                  </ActionIcon>
                )}
              </Group>
              <Group grow gap="xs" align="flex-start">
                <TextInput
                  size="xs"
                  aria-label="SHA-256"
                  placeholder="SHA-256, if you know it"
                  className="mono"
                  value={source.sha256}
                  error={fieldProblem(error, `files.${index}.sha256`)}
                  onChange={(event) => change(index, { sha256: event.currentTarget.value })}
                />
                <TextInput
                  size="xs"
                  aria-label="Address of the signature"
                  placeholder="Address of a GPG signature (.sig, .asc)"
                  value={source.signature}
                  error={fieldProblem(error, `files.${index}.signature`)}
                  onChange={(event) => change(index, { signature: event.currentTarget.value })}
                />
              </Group>
            </Stack>
          ))}
          {kind === 'bundle' && (
            <>
              <Group>
                <Button
                  variant="default"
                  leftSection={<IconPlus size={14} />}
                  onClick={() => setSources([...sources, NONE])}
                >
                  Add an initrd
                </Button>
              </Group>
              <TextInput
                label="Command line"
                value={cmdline}
                error={fieldProblem(error, 'cmdline')}
                onChange={(event) => setCmdline(event.currentTarget.value)}
              />
            </>
          )}
          <Collapse expanded={placed}>
            <Group grow align="flex-start">
              {(['channel', 'version', 'arch'] as const).map((field) => (
                <TextInput
                  key={field}
                  label={`{${field}}`}
                  value={release[field]}
                  onChange={(event) => setRelease({ ...release, [field]: event.currentTarget.value })}
                />
              ))}
            </Group>
          </Collapse>
          <Collapse expanded={signed}>
            <Textarea
              label="Public key"
              description="The signature is checked with it, and with no other"
              autosize
              minRows={3}
              maxRows={8}
              placeholder="-----BEGIN PGP PUBLIC KEY BLOCK-----"
              styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
              value={key}
              error={fieldProblem(error, 'key')}
              onChange={(event) => setKey(event.currentTarget.value)}
            />
          </Collapse>
          <Text size="xs" c="dimmed" role={busy ? 'status' : undefined}>
            {busy
              ? 'The server fetches and checks it. This can take minutes; it goes on if you close this.'
              : 'The server fetches it once, checks it, and keeps it. Without a SHA-256 or signature nobody can tell whether it is what its makers published.'}
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {busy ? 'Close' : 'Cancel'}
            </Button>
            <Button type="submit" leftSection={<IconWorldDownload size={15} />} loading={busy}>
              Fetch
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
