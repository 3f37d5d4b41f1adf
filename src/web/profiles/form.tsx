import {
  ActionIcon,
  Button,
  CloseButton,
  Group,
  NumberInput,
  PasswordInput,
  Select,
  Stack,
  Switch,
  Text,
  Textarea,
  TextInput,
} from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { Profile } from '../../api/contract/profiles.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ConfigSelect } from '../configs/select.tsx'
import { ProblemNote } from '../parts/page.tsx'
import { ProfileSelect } from './choose.tsx'
import { DisksPart } from './diskless.tsx'
import { ImageSelect } from './image-select.tsx'
import { InstallPart } from './install.tsx'
import { type Fields, fieldsOf, KINDS, NEW, ofKind, type Part, type SetField, specOf } from './spec.ts'

/** Creates a profile, or replaces the one given; the name of one that exists stays. */
export function ProfileForm({ profile, onClose }: { profile: Profile | undefined; onClose: () => void }) {
  const [fields, setFields] = useState(() => (profile ? fieldsOf(profile) : NEW))
  const doing = { quiet: true, after: onClose, done: (saved: { name: string }) => `Profile ${saved.name} is saved.` }
  const create = useDo('createProfile', doing)
  const replace = useDo('replaceProfile', doing)
  const { error, isPending } = profile ? replace : create
  const set: SetField = (field, value) => setFields({ ...fields, [field]: value })
  const part = { fields, set, error }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const body = specOf(fields)
        if (profile) replace.mutate({ params: { profile: profile.name }, body })
        else create.mutate({ body })
      }}
    >
      <Stack gap="sm">
        <ProblemNote error={error} />
        {!profile && (
          <TextInput
            label="Name"
            data-autofocus
            required
            withAsterisk={false}
            placeholder="debian-live"
            value={fields.name}
            error={fieldProblem(error, 'name')}
            onChange={(event) => set('name', event.currentTarget.value)}
          />
        )}
        <Select
          label="Kind"
          description="What a machine with this profile boots"
          allowDeselect={false}
          data={KINDS.map(([kind, does]) => ({ value: kind, label: `${kind}: ${does}` }))}
          value={fields.kind}
          onChange={(kind) => kind && setFields(ofKind(fields, kind as Fields['kind']))}
        />
        {(fields.kind === 'live' || fields.kind === 'iso' || fields.kind === 'wim') && (
          <ImageSelect
            label={fields.kind === 'wim' ? 'Bundle: wimboot with the files of Windows PE' : 'Image'}
            kinds={[fields.kind === 'iso' ? 'iso' : 'bundle']}
            value={fields.image}
            error={fieldProblem(error, 'image')}
            onChange={(image) => set('image', image)}
          />
        )}
        {fields.kind === 'install' && <InstallPart {...part} />}
        {(fields.kind === 'live' || fields.kind === 'install' || fields.kind === 'wim') && (
          <ConfigSelect
            label="Config"
            description={
              {
                live: 'Rendered for the machine. In the command line {{config}} is its address, {{nocloud}} that for cloud-init.',
                install: 'Rendered for the machine and written into the installed system, for its first boot.',
                wim: 'Rendered for the machine and loaded into X:\\Windows\\System32 of Windows PE: unattend.xml, startnet.cmd.',
              }[fields.kind]
            }
            {...(fields.kind === 'wim' ? { kinds: ['unattend'] as const } : {})}
            value={fields.config}
            error={fieldProblem(error, 'config')}
            onChange={(config) => set('config', config)}
          />
        )}
        {fields.kind === 'live' && <Live {...part} />}
        {fields.kind === 'wim' && <WindowsFile {...part} />}
        {(fields.kind === 'diskless' || fields.kind === 'live' || fields.kind === 'wim') && <DisksPart {...part} />}
        {fields.kind === 'script' && (
          <Textarea
            label="Script"
            description="Runs as it is, after our own first script. Machines read it without a password: no secrets."
            autosize
            minRows={8}
            maxRows={24}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            value={fields.script}
            error={fieldProblem(error, 'script')}
            onChange={(event) => set('script', event.currentTarget.value)}
          />
        )}
        {fields.kind === 'menu' && <MenuItems {...part} />}
        {fields.kind === 'park' && (
          <TextInput
            label="Message"
            description="What the machine shows on its screen"
            value={fields.message}
            error={fieldProblem(error, 'message')}
            onChange={(event) => set('message', event.currentTarget.value)}
          />
        )}
        <TextInput
          label="Description"
          value={fields.description}
          onChange={(event) => set('description', event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isPending}>
            {profile ? 'Save' : 'Create profile'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function WindowsFile({ fields, set, error }: Part) {
  const [own, setOwn] = useState(fields.wim !== null)
  return (
    <>
      <Switch
        label="Another boot.wim than that of the bundle"
        checked={own}
        onChange={(event) => {
          setOwn(event.currentTarget.checked)
          if (!event.currentTarget.checked) set('wim', null)
        }}
      />
      {own && (
        <ImageSelect
          label="Windows image"
          kinds={['wim']}
          value={fields.wim ?? ''}
          error={fieldProblem(error, 'wim')}
          onChange={(image) => set('wim', image || null)}
        />
      )}
    </>
  )
}

function Live({ fields, set, error }: Part) {
  const change = (at: number, more: Partial<Fields['files'][number]>) =>
    set(
      'files',
      fields.files.map((file, index) => (index === at ? { ...file, ...more } : file)),
    )
  // A file has no other identity than its place while its name is typed.
  const places = fields.files.map((_, place) => `${place} of ${fields.files.length}`)
  return (
    <>
      <TextInput
        label="Command line"
        description="Added to that of the image. {{files}}, {{mac}}, {{hostname}}, {{machine}} and {{server}} are filled in."
        placeholder="auto=true url={{files}}/preseed.cfg"
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        value={fields.cmdline}
        error={fieldProblem(error, 'cmdline')}
        onChange={(event) => set('cmdline', event.currentTarget.value)}
      />
      {fields.files.map((file, index) => (
        <Stack key={places[index]} gap={4}>
          <Group gap="xs" align="flex-end">
            <TextInput
              label="File name"
              flex={1}
              value={file.name}
              error={fieldProblem(error, `files.${index}.name`)}
              onChange={(event) => change(index, { name: event.currentTarget.value })}
            />
            <ActionIcon
              aria-label={`Remove ${file.name || 'this file'}`}
              size="lg"
              onClick={() =>
                set(
                  'files',
                  fields.files.filter((_, at) => at !== index),
                )
              }
            >
              <IconTrash size={16} />
            </ActionIcon>
          </Group>
          <Textarea
            aria-label={`Content of ${file.name || 'this file'}`}
            autosize
            minRows={4}
            maxRows={16}
            styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
            value={file.content}
            onChange={(event) => change(index, { content: event.currentTarget.value })}
          />
        </Stack>
      ))}
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => set('files', [...fields.files, { name: '', content: '' }])}
        >
          Add a file
        </Button>
        <Text size="xs" c="dimmed">
          A preseed or kickstart file, say. Machines read it without a password: no secrets.
        </Text>
      </Group>
    </>
  )
}

/** What a password reads as that is there and not told. */
const KEPT = '$kept$unchanged'

function MenuItems({ fields, set, error }: Part) {
  const change = (at: number, more: Partial<Fields['items'][number]>) =>
    set(
      'items',
      fields.items.map((item, index) => (index === at ? { ...item, ...more } : item)),
    )
  return (
    <>
      <TextInput label="Title" value={fields.title} onChange={(event) => set('title', event.currentTarget.value)} />
      {fields.items.map((item, index) => (
        <Group key={item.profile} gap="xs" align="flex-end" wrap="nowrap">
          <Text size="sm" w={140} className="ellipsis" pb={8}>
            {item.profile}
          </Text>
          <TextInput
            label="Label"
            flex={1}
            placeholder={item.profile}
            value={item.label}
            onChange={(event) => change(index, { label: event.currentTarget.value })}
          />
          <PasswordInput
            label="Password"
            w={150}
            autoComplete="new-password"
            placeholder={item.password === KEPT ? 'kept' : 'none'}
            value={item.password === KEPT ? '' : (item.password ?? '')}
            error={fieldProblem(error, `items.${index}.password`)}
            {...(item.password === KEPT
              ? {
                  rightSection: (
                    <CloseButton
                      size="xs"
                      aria-label={`Take the password off ${item.profile}`}
                      onClick={() => change(index, { password: null })}
                    />
                  ),
                }
              : {})}
            onChange={(event) => change(index, { password: event.currentTarget.value })}
          />
          <ActionIcon
            size="lg"
            aria-label={`Remove ${item.profile}`}
            onClick={() =>
              set(
                'items',
                fields.items.filter((_, at) => at !== index),
              )
            }
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      <ProfileSelect
        label="Add a profile to the menu"
        value={null}
        error={fieldProblem(error, 'items')}
        onChange={(profile) => {
          if (profile && !fields.items.some((item) => item.profile === profile))
            set('items', [...fields.items, { profile, label: '' }])
        }}
      />
      <Group grow align="flex-start">
        <Select
          label="Default"
          data={fields.items.map((item) => item.profile)}
          value={fields.default || null}
          error={fieldProblem(error, 'default')}
          onChange={(profile) => set('default', profile ?? '')}
        />
        <NumberInput
          label="Timeout in seconds"
          description="0 waits for ever"
          min={0}
          max={3600}
          value={fields.timeoutSeconds}
          onChange={(seconds) => set('timeoutSeconds', Number(seconds) || 0)}
        />
      </Group>
    </>
  )
}
