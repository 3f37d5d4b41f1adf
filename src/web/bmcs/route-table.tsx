import { Button, Group, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Notice } from '../parts/notice.tsx'
import { Card, ProblemNote } from '../parts/page.tsx'
import { CLASSES, targetsOf, targetText } from './words.ts'

/** Where commands of each class go; and where a command that one types would. */
export function RouteTable({ bmc }: { bmc: Bmc }) {
  const operator = useMay('operator')
  const drivers = useGet('listPowerDrivers', { params: { machine: bmc.machine } })
  const save = useDo('patchBmc', { done: () => `Commands to ${bmc.machineName} go the new way from now on.` })
  const names = drivers.data?.items.map(({ name }) => name) ?? []
  return (
    <Card title="Where commands go" flush>
      <table className="rows">
        <thead>
          <tr>
            <th>Commands</th>
            <th>Go to</th>
          </tr>
        </thead>
        <tbody>
          {CLASSES.map(({ name, word, about, usual }) => {
            const target = bmc.routes[name]
            return (
              <tr key={name}>
                <td>
                  {word}
                  <div className="soft">{about}</div>
                </td>
                <td>
                  {operator ? (
                    <Select
                      size="xs"
                      allowDeselect={false}
                      aria-label={`Where ${name} goes`}
                      value={target ?? ''}
                      data={targetsOf(usual, names)}
                      onChange={(value) =>
                        save.mutate({ params: { machine: bmc.machine }, body: { routes: { [name]: value || null } } })
                      }
                    />
                  ) : (
                    targetText(target ?? usual)
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
      <Explain machine={bmc.machine} />
    </Card>
  )
}

function Explain({ machine }: { machine: string }) {
  const [text, setText] = useState('')
  const [command, setCommand] = useState('')
  const said = useGet('explainBmc', { params: { machine }, query: { command } }, { enabled: command !== '' })
  return (
    <form
      style={{ padding: '0.75rem' }}
      onSubmit={(event) => {
        event.preventDefault()
        setCommand(text.trim())
      }}
    >
      <Group gap="xs" align="flex-end">
        <TextInput
          label="What would become of a command?"
          description="Nothing is done"
          placeholder="chassis power soft"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={text.trim() === ''} loading={said.isFetching}>
          Explain
        </Button>
      </Group>
      {said.error && <ProblemNote error={said.error} />}
      {said.data && (
        <Notice tone={said.data.works ? 'good' : 'bad'} title={said.data.steps[0] ?? ''}>
          {said.data.steps.slice(1).map((step) => (
            <p key={step}>{step}</p>
          ))}
        </Notice>
      )}
    </form>
  )
}
