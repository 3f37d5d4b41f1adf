import { ActionIcon, Button, Checkbox, Group, Select, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { ConfigInfo } from '../../api/contract/configs.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { Problems } from './problems.tsx'
import { type ConfigKind, KIND_WORDS, PARTS, STARTS } from './words.ts'

type Version = OutputOf<'getConfigVersion'>
type Variable = Version['variables'][number]
type Part = Version['parts'][number]

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)' } }

/** Adds a config, or a version of the one given. */
export function ConfigForm(props: { config?: ConfigInfo; version?: Version; onClose: () => void }) {
  const { config, version, onClose } = props
  const [name, setName] = useState(config?.name ?? '')
  const [kind, setKind] = useState<ConfigKind>(config?.kind ?? 'butane')
  const [note, setNote] = useState('')
  const [parts, setParts] = useState<Part[]>(version?.parts ?? [{ name: 'main', content: STARTS.butane ?? '' }])
  const [variables, setVariables] = useState<Variable[]>(version?.variables ?? [])
  const doing = {
    quiet: true,
    after: onClose,
    done: (saved: ConfigInfo) => `${saved.name} is version ${saved.latest}.`,
  }
  const create = useDo('createConfig', doing)
  const add = useDo('addConfigVersion', doing)
  const check = useDo('validateConfig', { quiet: true })
  const { error, isPending } = config ? add : create
  const body = { parts, variables, note }
  const chooseKind = (chosen: ConfigKind) => {
    setKind(chosen)
    setParts([{ name: PARTS[chosen][0]!, content: STARTS[chosen] ?? '' }])
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (config) add.mutate({ params: { config: config.name }, body })
        else create.mutate({ body: { ...body, name: name.trim(), kind } })
      }}
    >
      <Stack gap="sm">
        <ProblemNote error={error} />
        {check.data && <Problems problems={check.data.problems} />}
        {check.data?.problems.length === 0 && (
          <Text size="sm" role="status">
            It is valid{check.data.machines > 0 ? ` for ${check.data.machines} machines` : ''}.
          </Text>
        )}
        {!config && (
          <>
            <TextInput
              label="Name"
              data-autofocus
              required
              withAsterisk={false}
              placeholder="worker"
              value={name}
              error={fieldProblem(error, 'name')}
              onChange={(event) => setName(event.currentTarget.value)}
            />
            <Select
              label="Kind"
              allowDeselect={false}
              data={Object.entries(KIND_WORDS).map(([value, word]) => ({ value, label: word }))}
              value={kind}
              onChange={(value) => value && chooseKind(value as ConfigKind)}
            />
          </>
        )}
        <Parts kind={kind} parts={parts} setParts={setParts} />
        <Variables variables={variables} setVariables={setVariables} />
        <TextInput
          label="Note"
          description="What is new in this version"
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button
            variant="default"
            loading={check.isPending}
            onClick={() => check.mutate({ body: { ...body, kind, ...(config ? { insteadOf: config.name } : {}) } })}
          >
            Check
          </Button>
          <Button type="submit" loading={isPending} disabled={name.trim() === ''}>
            {config ? 'Save as a new version' : 'Add config'}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Parts(props: { kind: ConfigKind; parts: readonly Part[]; setParts: (parts: Part[]) => void }) {
  const { kind, parts, setParts } = props
  const change = (at: number, more: Partial<Part>) =>
    setParts(parts.map((part, index) => (index === at ? { ...part, ...more } : part)))
  const known = PARTS[kind]
  const next = known.find((each) => !parts.some((part) => part.name === each))
  // A part has no other identity than its place while its name is typed.
  const places = parts.map((_, place) => `${place} of ${parts.length}`)
  return (
    <>
      {parts.map((part, index) => (
        <Stack key={places[index]} gap={4}>
          {index > 0 && (
            <Group gap="xs" align="flex-end">
              <TextInput
                label="Part"
                flex={1}
                value={part.name}
                readOnly={known.includes(part.name)}
                onChange={(event) => change(index, { name: event.currentTarget.value })}
              />
              {kind === 'butane' && (
                <Checkbox
                  label="A program (0755 in a tree)"
                  mb={8}
                  checked={part.executable === true}
                  onChange={(event) => change(index, { executable: event.currentTarget.checked || undefined })}
                />
              )}
              <ActionIcon
                aria-label={`Remove ${part.name || 'this part'}`}
                size="lg"
                onClick={() => setParts(parts.filter((_, at) => at !== index))}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          )}
          <Textarea
            aria-label={index === 0 ? 'Template' : `Content of ${part.name || 'this part'}`}
            autosize
            minRows={index === 0 ? 12 : 4}
            maxRows={28}
            spellCheck={false}
            styles={MONO}
            value={part.content}
            onChange={(event) => change(index, { content: event.currentTarget.value })}
          />
        </Stack>
      ))}
      {(next !== undefined || kind === 'butane') && (
        <Group gap="xs">
          <Button
            variant="default"
            leftSection={<IconPlus size={14} />}
            onClick={() => setParts([...parts, { name: next ?? '', content: '' }])}
          >
            {next === undefined ? 'Add a file that it includes' : `Add ${next}`}
          </Button>
          <Text size="xs" c="dimmed">
            {'{{ machine.hostname }}'}, {'{{ network.router }}'}, {'{{ server.url }}'} and the values below are filled
            in.
          </Text>
        </Group>
      )}
    </>
  )
}

function Variables(props: { variables: readonly Variable[]; setVariables: (variables: Variable[]) => void }) {
  const { variables, setVariables } = props
  const change = (at: number, more: Partial<Variable>) =>
    setVariables(variables.map((each, index) => (index === at ? { ...each, ...more } : each)))
  const places = variables.map((_, place) => `${place} of ${variables.length}`)
  return (
    <>
      {variables.map((variable, index) => (
        <Group key={places[index]} gap="xs" align="flex-end" wrap="nowrap">
          <TextInput
            label="Value"
            flex={1}
            placeholder="role"
            value={variable.name}
            onChange={(event) => change(index, { name: event.currentTarget.value })}
          />
          <Select
            label="Type"
            w={120}
            allowDeselect={false}
            data={['string', 'number', 'boolean', 'list', 'secret']}
            value={variable.type}
            onChange={(type) => type && change(index, { type: type as Variable['type'], default: null })}
          />
          {variable.type === 'string' && (
            <TextInput
              label="If not set"
              flex={1}
              value={String(variable.default ?? '')}
              onChange={(event) => change(index, { default: event.currentTarget.value || null })}
            />
          )}
          <ActionIcon
            aria-label={`Remove ${variable.name || 'this value'}`}
            size="lg"
            onClick={() => setVariables(variables.filter((_, at) => at !== index))}
          >
            <IconTrash size={16} />
          </ActionIcon>
        </Group>
      ))}
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconPlus size={14} />}
          onClick={() => setVariables([...variables, { name: '', type: 'string', default: null, description: '' }])}
        >
          Add a value that it asks for
        </Button>
      </Group>
    </>
  )
}
