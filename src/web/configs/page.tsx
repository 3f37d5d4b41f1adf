import { Button, Drawer, Group, Select } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPencil } from '@tabler/icons-react'
import { useNavigate, useParams } from '@tanstack/react-router'
import { useState } from 'react'
import type { ConfigInfo } from '../../api/contract/configs.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { MachineSelect } from '../machines/select.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Card, Columns, Facts, Loaded, Page, ProblemNote } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import { ConfigForm } from './form.tsx'
import { Problems } from './problems.tsx'
import { diffLines, KIND_WORDS } from './words.ts'

export function ConfigPage() {
  const { config: name } = useParams({ from: '/configs/$config' })
  const config = useGet('getConfig', { params: { config: name } })
  if (config.data) return <ConfigView config={config.data} />
  return (
    <Page title={name}>
      <Loaded query={config}>{() => null}</Loaded>
    </Page>
  )
}

/** One config: its text in each version, what a machine would be given, what changed. */
function ConfigView({ config }: { config: ConfigInfo }) {
  const operator = useMay('operator')
  const navigate = useNavigate()
  const [chosen, choose] = useState<number | null>(null)
  const [editing, edit] = useDisclosure(false)
  const number = chosen ?? config.latest
  const version = useGet(
    'getConfigVersion',
    { params: { config: config.name, version: String(number) } },
    { keep: true },
  )
  const remove = useDo('removeConfig', {
    done: () => `There is no config ${config.name} any more.`,
    after: () => void navigate({ to: '/configs' }),
  })
  return (
    <Page
      title={config.name}
      beside={<span className="soft">{KIND_WORDS[config.kind]}</span>}
      lead={config.description || undefined}
      actions={
        operator && (
          <>
            <Button
              variant="default"
              leftSection={<IconPencil size={15} />}
              disabled={!version.data}
              onClick={edit.open}
            >
              Edit
            </Button>
            <Confirm
              title={`Delete ${config.name}?`}
              text="All its versions are gone for good. It is refused while a profile or another config names it."
              action="Delete"
              onConfirm={() => remove.mutate({ params: { config: config.name } })}
            >
              {(ask) => (
                <Button variant="default" onClick={ask}>
                  Delete
                </Button>
              )}
            </Confirm>
          </>
        )
      }
    >
      <Columns aside={<Versions config={config} number={number} choose={choose} />}>
        {version.data?.parts.map(({ name, content }) => (
          <Card key={name} title={name === 'main' ? `Version ${number}` : `${name}, version ${number}`} flush>
            <Text content={content} />
          </Card>
        ))}
        {operator && config.kind !== 'snippet' && <Preview config={config} number={number} />}
        {operator && number > 1 && <Changes config={config} number={number} />}
      </Columns>
      <Drawer opened={editing} onClose={edit.close} size="xl" title={`A new version of ${config.name}`}>
        {editing && version.data && <ConfigForm config={config} version={version.data} onClose={edit.close} />}
      </Drawer>
    </Page>
  )
}

function Text({ content }: { content: string }) {
  return <pre className="text">{content}</pre>
}

function Versions(props: { config: ConfigInfo; number: number; choose: (number: number) => void }) {
  const { config, number, choose } = props
  const version = config.versions.find((each) => each.number === number)
  return (
    <Card title="About">
      <Select
        label="Version"
        mb="sm"
        allowDeselect={false}
        value={String(number)}
        onChange={(value) => value && choose(Number(value))}
        data={config.versions.toReversed().map((each) => ({
          value: String(each.number),
          label: `${each.number}${each.note ? `  ${each.note}` : ''}`,
        }))}
      />
      <Facts
        rows={[
          ['Made', version && <Ago key="made" at={version.createdAt} />],
          ['By', version?.createdBy],
          ['Note', version?.note],
          ['Asks for', version?.variables.map(({ name, type }) => <div key={name}>{`${name} (${type})`}</div>)],
          ['Used by', config.usedBy.join(', ')],
        ]}
      />
    </Card>
  )
}

/** What one machine would be given; secrets are hidden. */
function Preview({ config, number }: { config: ConfigInfo; number: number }) {
  const [machine, setMachine] = useState<string | null>(null)
  const rendered = useGet(
    'renderConfig',
    { params: { config: config.name }, query: { machine: machine ?? '', version: number } },
    { enabled: machine !== null },
  )
  return (
    <Card title="What a machine is given">
      <Group gap="xs" mb="sm">
        <MachineSelect aria-label="Machine" placeholder="Choose a machine" value={machine} onChange={setMachine} />
      </Group>
      {rendered.error && <ProblemNote error={rendered.error} />}
      {rendered.data && <Problems problems={rendered.data.problems} />}
      {rendered.data?.parts.map(({ name, content, secret }) => (
        <section key={name} aria-label={name}>
          <div className="soft">
            {name}
            {secret && ', with secrets: given to each boot once'}
          </div>
          <Text content={content} />
        </section>
      ))}
    </Card>
  )
}

const TONES = { added: 'var(--mantine-color-teal-7)', removed: 'var(--mantine-color-red-7)' } as const

/** What is new in a version. */
function Changes({ config, number }: { config: ConfigInfo; number: number }) {
  const diff = useGet('diffConfig', { params: { config: config.name }, query: { from: number - 1, to: number } })
  if (!diff.data || diff.data.diff === '') return null
  const lines = diffLines(diff.data.diff)
  return (
    <Card title={`What is new in version ${number}`} flush>
      <pre className="text">
        {lines.map(({ text, tone }, place) => (
          <div
            // biome-ignore lint/suspicious/noArrayIndexKey: a line of a diff has no other identity than its place
            key={place}
            className={tone === 'place' ? 'soft' : undefined}
            style={tone === 'added' || tone === 'removed' ? { color: TONES[tone] } : undefined}
          >
            {text || ' '}
          </div>
        ))}
      </pre>
    </Card>
  )
}
