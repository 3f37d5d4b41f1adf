import { Button, Group, TextInput } from '@mantine/core'
import { IconDownload, IconSearch } from '@tabler/icons-react'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Card, Empty, ProblemNote } from '../parts/page.tsx'
import { clock } from '../parts/words.ts'

/** What a console printed before: find, download, delete. */
export function ConsoleRecord({ machine }: { machine: Machine }) {
  const operator = useMay('operator')
  const [text, setText] = useState('')
  const [q, setQ] = useState('')
  const params = { machine: machine.id }
  const found = useGet('searchConsole', { params, query: { q, limit: 200 } }, { enabled: q !== '' })
  const forget = useDo('forgetConsole', { done: () => `What the console of ${machine.name} printed is deleted.` })
  return (
    <Card
      title="What it printed before"
      flush={q !== '' && found.data !== undefined}
      aside={
        <>
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<IconDownload size={13} />}
            component="a"
            href={`/api/v1/machines/${encodeURIComponent(machine.id)}/console/log`}
            download={`${machine.name}-console.log`}
          >
            Download
          </Button>
          {operator && (
            <Confirm
              title="Delete what was kept of this console?"
              text={`All that ${machine.name} printed and that was kept is gone for good.`}
              action="Delete"
              onConfirm={() => forget.mutate({ params })}
            >
              {(ask) => (
                <Button size="compact-xs" variant="default" onClick={ask}>
                  Delete
                </Button>
              )}
            </Confirm>
          )}
        </>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          setQ(text.trim())
        }}
      >
        <Group gap="xs" p={q !== '' && found.data ? 'sm' : 0}>
          <TextInput
            aria-label="Find in what it printed"
            placeholder="panic, error, login…"
            leftSection={<IconSearch size={14} />}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={found.isFetching} disabled={text.trim() === ''}>
            Find
          </Button>
        </Group>
      </form>
      {found.error && <ProblemNote error={found.error} />}
      {found.data?.items.length === 0 && <Empty title={`Nothing it printed holds ${q}`} />}
      {found.data && found.data.items.length > 0 && (
        <table className="rows">
          <thead>
            <tr>
              <th>When</th>
              <th>Line</th>
            </tr>
          </thead>
          <tbody>
            {found.data.items.map(({ at, offset, line }) => (
              <tr key={offset}>
                <td className="figures soft">{clock(at)}</td>
                <td className="mono" style={{ whiteSpace: 'pre-wrap', wordBreak: 'break-word' }}>
                  {line}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}
