import { Button, FileButton, Group, Stack, Switch, Text, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import { client } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { diffLines } from '../configs/words.ts'
import { Notice } from '../parts/notice.tsx'
import { Card, Empty, Page, ProblemNote } from '../parts/page.tsx'
import { FolderButton } from './folder-button.tsx'
import { ImportNotes, ImportRow } from './importing.tsx'
import { filesOf, type Upload, uploadsOf, yamlPaths } from './uploads.ts'

type Applied = OutputOf<'apply'>
type Problem = Readonly<{ where: string; message: string }>

const MONO = { input: { fontFamily: 'var(--mantine-font-family-monospace)' } }
const WORDS = { create: 'create', update: 'change', none: 'same', remove: 'remove' } as const
const START = 'machines:\n  - name: web1\n    macs: ["52:54:00:00:00:01"]\n'

/** The site as YAML: given as text or files, compared with the server, applied; the server as YAML; other servers' files as YAML. */
export function SitePage() {
  const operator = useMay('operator')
  return (
    <Page
      title="Site"
      lead="Machines, profiles, configs and the rest as YAML: the same as reveille apply, export and import. All is checked before anything is written."
    >
      {operator ? (
        <Stack gap="md">
          <ApplyCard />
        </Stack>
      ) : (
        <Empty title="Operators may apply a site">Ask one, or look at machines, profiles and configs themselves.</Empty>
      )}
    </Page>
  )
}

function ApplyCard() {
  const [text, setText] = useState('')
  const [uploads, setUploads] = useState<readonly Upload[]>([])
  const [options, setOptions] = useState({ name: '', prune: false, force: false })
  const [problems, setProblems] = useState<readonly Problem[]>([])
  /** What was not taken over of another server's files. */
  const [notes, setNotes] = useState<readonly string[]>([])
  const [shown, setShown] = useState<Applied>()
  const [failure, setFailure] = useState<Error>()
  const apply = useDo('apply', { quiet: true, after: (applied) => setShown(applied) })
  const anew = () => {
    setShown(undefined)
    setProblems([])
    setFailure(undefined)
    apply.reset()
  }
  const send = async (dryRun: boolean) => {
    anew()
    const { readSite, readSiteText } = await import('../../api/client/site/reading.ts')
    const files = filesOf(uploads)
    const paths = yamlPaths(uploads)
    const read = await (uploads.length > 0 ? readSite(paths, files) : readSiteText(text, 'site.yaml', files))
    const none = paths.length === 0 && uploads.length > 0 ? [{ where: 'the files', message: 'none ends in .yaml' }] : []
    const found = [...none, ...read.problems]
    setProblems(found)
    if (found.length > 0) return
    const { name, prune, force } = options
    const query = {
      dryRun: dryRun ? ('true' as const) : ('false' as const),
      ...(name === '' ? {} : { name }),
      ...(prune ? { prune: 'true' as const } : {}),
      ...(force ? { force: 'true' as const } : {}),
    }
    apply.mutate({ query, body: read.manifest })
  }
  const run = (work: () => Promise<void>) => {
    work().catch((error: unknown) => setFailure(error instanceof Error ? error : new Error(String(error))))
  }
  const take = (given: readonly File[]) => {
    anew()
    setNotes([])
    setUploads(uploadsOf(given))
  }
  const taken = (imported: string, told: readonly string[] = []) => {
    anew()
    setUploads([])
    setText(imported)
    setNotes(told)
  }
  const isEmpty = uploads.length === 0 && text.trim() === ''
  return (
    <>
      <Card
        title="What it is to be"
        aside={
          <Group gap="xs">
            <FileButton multiple onChange={take}>
              {(props) => (
                <Button {...props} size="xs" variant="default">
                  Choose files
                </Button>
              )}
            </FileButton>
            <FolderButton label="Choose a folder" onChange={take} />
            <ServerAsText onText={taken} onError={setFailure} />
          </Group>
        }
      >
        <Stack gap="sm">
          {uploads.length > 0 ? (
            <Group justify="space-between">
              <Text size="sm">
                {uploads.length} files, {yamlPaths(uploads).length} of them YAML
              </Text>
              <Button size="xs" variant="default" onClick={() => take([])}>
                Write it here instead
              </Button>
            </Group>
          ) : (
            <Textarea
              aria-label="Site as YAML"
              autosize
              minRows={10}
              maxRows={28}
              spellCheck={false}
              styles={MONO}
              placeholder={START}
              value={text}
              onChange={(event) => {
                anew()
                setText(event.currentTarget.value)
              }}
            />
          )}
          <ImportRow onTaken={taken} onError={setFailure} />
          <Group align="flex-end">
            <TextInput
              label="Name"
              description="Remembered, so that what a later one of this name lacks can be removed"
              placeholder="site"
              value={options.name}
              onChange={(event) => {
                anew()
                setOptions({ ...options, name: event.currentTarget.value.trim() })
              }}
            />
            <Switch
              label="Remove what it lacks"
              disabled={options.name === ''}
              checked={options.prune}
              onChange={(event) => {
                anew()
                setOptions({ ...options, prune: event.currentTarget.checked })
              }}
            />
            <Switch
              label="Even more than half"
              disabled={!options.prune}
              checked={options.force}
              onChange={(event) => {
                anew()
                setOptions({ ...options, force: event.currentTarget.checked })
              }}
            />
          </Group>
          <Group justify="flex-end" gap="xs">
            <Button
              variant="default"
              disabled={isEmpty}
              loading={apply.isPending}
              onClick={() => run(() => send(true))}
            >
              Show what would change
            </Button>
            <Button disabled={!shown?.dryRun} loading={apply.isPending} onClick={() => run(() => send(false))}>
              Apply
            </Button>
          </Group>
        </Stack>
      </Card>
      <ProblemNote error={failure ?? apply.error} />
      {notes.length > 0 && <ImportNotes notes={notes} />}
      {problems.length > 0 && (
        <Notice tone="bad" title={`Nothing was changed: ${problems.length} problems`}>
          {problems.slice(0, 100).map(({ where, message }) => (
            <p key={`${where} ${message}`}>
              <span className="mono">{where}</span>: {message}
            </p>
          ))}
        </Notice>
      )}
      {shown && <Changes applied={shown} />}
    </>
  )
}

/** What is done, or would be. */
function Changes({ applied: { dryRun, changes, kept, warnings } }: { applied: Applied }) {
  const changing = changes.filter(({ change }) => change !== 'none')
  const same = changes.length - changing.length
  const title = dryRun ? 'What would change' : 'What was changed'
  return (
    <>
      {warnings.map((each) => (
        <Notice key={each} tone="wait" title={each} />
      ))}
      <Card title={title} aside={<Text size="sm">{same} the same</Text>} flush>
        {changing.length === 0 && kept.length === 0 ? (
          <Empty title={dryRun ? 'Nothing would change' : 'Nothing was changed'}>The server is as the site says.</Empty>
        ) : (
          <table className="rows">
            <thead>
              <tr>
                <th style={{ width: '6rem' }}>{dryRun ? 'Would' : 'Did'}</th>
                <th>What</th>
              </tr>
            </thead>
            <tbody>
              {changing.map(({ thing, change, fields, differences }) => (
                <tr key={`${change} ${thing}`}>
                  <td>{WORDS[change]}</td>
                  <td>
                    {thing}
                    {change === 'update' && <div className="soft">{fields.join(', ')}</div>}
                    {differences.map((each) => (
                      <Difference key={each.field} {...each} />
                    ))}
                  </td>
                </tr>
              ))}
              {kept.map(({ thing, reason }) => (
                <tr key={`keep ${thing}`}>
                  <td>keep</td>
                  <td>
                    {thing}
                    <div className="soft">{reason}</div>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
    </>
  )
}

function Difference({ field, before, after, unified }: Applied['changes'][number]['differences'][number]) {
  if (unified === null)
    return (
      <div className="mono">
        {field}: {before ?? '(nothing)'} → {after ?? '(nothing)'}
      </div>
    )
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by the keyboard
    <pre className="text" tabIndex={0}>
      {diffLines(unified)
        .map(({ text }) => text)
        .join('\n')}
    </pre>
  )
}

type Given = { onText: (text: string) => void; onError: (error: Error) => void }

function ServerAsText({ onText, onError }: Given) {
  const [busy, setBusy] = useState(false)
  const take = async (use: (text: string) => void) => {
    setBusy(true)
    try {
      const { exportSiteText } = await import('../../api/client/site/exporting.ts')
      use(await exportSiteText(client))
    } catch (error) {
      onError(error instanceof Error ? error : new Error(String(error)))
    } finally {
      setBusy(false)
    }
  }
  return (
    <>
      <Button size="xs" variant="default" loading={busy} onClick={() => take(onText)}>
        Take this server
      </Button>
      <Button size="xs" variant="default" loading={busy} onClick={() => take((text) => save('site.yaml', text))}>
        Download this server
      </Button>
    </>
  )
}

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/yaml' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
