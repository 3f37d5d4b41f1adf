import { ActionIcon, Button, Group, Menu, Modal, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import {
  IconDots,
  IconDownload,
  IconFileZip,
  IconNote,
  IconPin,
  IconPinnedOff,
  IconShieldCheck,
  IconTrash,
} from '@tabler/icons-react'
import { useEffect, useState } from 'react'
import type { Image } from '../../api/contract/images.ts'
import { useMay, useMe } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { Notice } from '../parts/notice.tsx'
import { ProblemNote } from '../parts/page.tsx'
import { bytes, count } from '../parts/words.ts'
import { contentPath, type ImageVersion } from './content.ts'

type Of = { image: Image; version: ImageVersion }

/** What can be done with one version. */
export function VersionActions({ image, version }: Of) {
  const me = useMe()
  const operator = useMay('operator')
  const user = useMay('user')
  const mine = operator || (user && image.owner === me.name)
  const reference = `${image.name}@${version.number}`
  const params = { image: image.name, version: version.number }
  const [noting, note] = useDisclosure(false)
  const [verifying, verify] = useDisclosure(false)
  const pin = useDo('updateVersion', {
    done: (_, { body }) => `${reference} is ${body?.pinned ? 'pinned' : 'not pinned any more'}.`,
  })
  const remove = useDo('deleteVersion', { done: () => `${reference} is deleted.` })
  return (
    <Confirm
      title={`Delete ${reference}?`}
      text="Its content is deleted, but for what other versions share. Its number is never given again. Refused while a profile, a deployment or a volume needs it. This cannot be undone."
      action="Delete version"
      onConfirm={() => remove.mutate({ params })}
    >
      {(ask) => (
        <>
          {version.disk && (
            <ActionIcon
              component="a"
              href={contentPath(image, version, {})}
              download={`${image.name}-${version.number}.img`}
              aria-label={`Download ${reference}`}
              title={`Download ${reference} as it is (${bytes(version.disk.bytes)})`}
            >
              <IconDownload size={16} />
            </ActionIcon>
          )}
          <Menu>
            <Menu.Target>
              <ActionIcon aria-label={`What to do with ${reference}`} loading={remove.isPending || pin.isPending}>
                <IconDots size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              {version.disk && (
                <Menu.Item
                  leftSection={<IconFileZip size={15} />}
                  component="a"
                  href={contentPath(image, version, { compress: 'zstd' })}
                  download={`${image.name}-${version.number}.img.zst`}
                >
                  Download compressed (zstd)
                </Menu.Item>
              )}
              {user && (
                <Menu.Item leftSection={<IconShieldCheck size={15} />} onClick={verify.open}>
                  Verify…
                </Menu.Item>
              )}
              {mine && (
                <>
                  <Menu.Item
                    leftSection={version.pinned ? <IconPinnedOff size={15} /> : <IconPin size={15} />}
                    onClick={() => pin.mutate({ params, body: { pinned: !version.pinned } })}
                  >
                    {version.pinned ? 'Take the pin off' : 'Pin: never prune it'}
                  </Menu.Item>
                  <Menu.Item leftSection={<IconNote size={15} />} onClick={note.open}>
                    Note…
                  </Menu.Item>
                </>
              )}
              {operator && (
                <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
                  Delete…
                </Menu.Item>
              )}
            </Menu.Dropdown>
          </Menu>
          {noting && <Note image={image} version={version} onClose={note.close} />}
          {verifying && <Verify image={image} version={version} onClose={verify.close} />}
        </>
      )}
    </Confirm>
  )
}

function Note({ image, version, onClose }: Of & { onClose: () => void }) {
  const [text, setText] = useState(version.note)
  const save = useDo('updateVersion', { quiet: true, after: onClose })
  return (
    <Modal opened onClose={onClose} title={`Note of ${image.name}@${version.number}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          save.mutate({ params: { image: image.name, version: version.number }, body: { note: text } })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={save.error} />
          <TextInput
            label="Note"
            description="What is special about this version"
            data-autofocus
            maxLength={500}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={save.isPending}>
              Save
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}

/** Reads all of a version again on the server; begins when it is opened. */
function Verify({ image, version, onClose }: Of & { onClose: () => void }) {
  const reference = `${image.name}@${version.number}`
  const { mutate, ...verify } = useDo('verifyVersion', { quiet: true })
  useEffect(
    () => mutate({ params: { image: image.name, version: version.number } }),
    [mutate, image.name, version.number],
  )
  const result = verify.data
  return (
    <Modal opened onClose={onClose} title={`Verify ${reference}`}>
      <Stack gap="sm">
        <ProblemNote error={verify.error} />
        {verify.isPending && (
          <Text size="sm" role="status">
            The server reads every byte again and compares it with its hashes. Of a large image this takes minutes.
          </Text>
        )}
        {result?.ok && (
          <Notice tone="good" title="Every byte is what it was">
            <p>
              {bytes(result.bytes)}
              {result.chunks > 0 && ` in ${count(result.chunks, 'piece')}`} read and compared.
            </p>
            {result.sha256 && (
              <p>
                SHA-256 of the whole: <Code wrap>{result.sha256}</Code>
              </p>
            )}
          </Notice>
        )}
        {result && !result.ok && (
          <Notice tone="bad" title={`${reference} is damaged`}>
            {result.problems.slice(0, 20).map((problem) => (
              <p key={problem}>{problem}</p>
            ))}
            {result.problems.length > 20 && <p>and {result.problems.length - 20} more</p>}
            <p>Upload the same content again: damaged pieces are replaced.</p>
          </Notice>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
