import { Checkbox, PasswordInput, Select, Textarea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { MachineSelect } from '../machines/select.tsx'
import { AddButton, RemoveButton } from '../parts/buttons.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/fields.tsx'
import { Filters, FilterText } from '../parts/filters.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'

type Value = OutputOf<'setConfigValue'>

const shown = ({ secret, value }: Value) =>
  secret ? 'secret' : typeof value === 'string' ? value : JSON.stringify(value)

/** Values of variables, for all machines, those with a tag, or one. */
export function Values() {
  const operator = useMay('operator')
  const [adding, add] = useDisclosure(false)
  const [q, filter] = useState<string>()
  const values = useList('listConfigValues', { query: { q } })
  const remove = useDo('removeConfigValue', {
    done: (_, { params }) => `${params.name} is not set for ${params.scope} any more.`,
  })
  return (
    <Card title="Values" flush open aside={operator && <AddButton onClick={add.open}>Set value</AddButton>}>
      <Filters>
        <FilterText label="Filter values" placeholder="Name, machine, tag" value={q} onChange={filter} />
      </Filters>
      <Listing
        list={values}
        lines={2}
        head={
          <>
            <th>Name</th>
            <th>For</th>
            <th>Value</th>
            <th className="wide">Set</th>
            {operator && <ActionsHead />}
          </>
        }
        empty={
          q !== undefined ? (
            <Empty title="No value matches" />
          ) : (
            <Empty title="No value is set">
              Configs ask for values by name. One of a machine wins over one of its tags, and that over one for all.
            </Empty>
          )
        }
      >
        {(each) => (
          <tr key={`${each.scope} ${each.name}`}>
            <td className="mono">{each.name}</td>
            <td>{each.scope === 'all' ? 'all machines' : each.scope.replace(':', ' ')}</td>
            <td className={each.secret ? 'soft' : 'mono'}>{shown(each)}</td>
            <td className="wide soft">
              <Ago at={each.updatedAt} />
            </td>
            {operator && (
              <td className="end">
                <RemoveButton
                  title={`Remove the value of ${each.name}?`}
                  text="Machines that need it and have no other value are not configured until it is set again."
                  onConfirm={() => remove.mutate({ params: { scope: each.scope, name: each.name } })}
                />
              </td>
            )}
          </tr>
        )}
      </Listing>
      {adding && <SetValue onClose={add.close} />}
    </Card>
  )
}

type Kind = 'string' | 'number' | 'boolean' | 'list'

/** What was typed, as the type says. */
function typed(kind: Kind, text: string): unknown {
  if (kind === 'number') return Number(text)
  if (kind === 'boolean') return text.trim() === 'true'
  return kind === 'list' ? text.split('\n').filter((line) => line !== '') : text
}

function SetValue({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [to, setTo] = useState<'all' | 'tag' | 'machine'>('all')
  const [tag, setTag] = useState('')
  const [machine, setMachine] = useState<string | null>(null)
  const [kind, setKind] = useState<Kind>('string')
  const [secret, setSecret] = useState(false)
  const [text, setText] = useState('')
  const set = useDo('setConfigValue', { quiet: true, done: (said) => `${said.name} is set.`, after: onClose })
  const scope = to === 'all' ? 'all' : to === 'tag' ? `tag:${tag.trim()}` : `machine:${machine ?? ''}`
  return (
    <FormDialog
      title="Set a value"
      action="Set"
      error={set.error}
      busy={set.isPending}
      disabled={
        name.trim() === '' || text === '' || (to === 'tag' && tag.trim() === '') || (to === 'machine' && !machine)
      }
      onClose={onClose}
      onSend={() =>
        set.mutate({
          params: { scope, name: name.trim() },
          body: { value: secret ? text : typed(kind, text), secret },
        })
      }
    >
      <TextField
        label="Name"
        data-autofocus
        placeholder="dns_domain"
        value={name}
        of="name"
        error={set.error}
        onChange={setName}
      />
      <Select
        label="For"
        allowDeselect={false}
        value={to}
        onChange={(value) => setTo((value ?? 'all') as typeof to)}
        data={[
          { value: 'all', label: 'all machines' },
          { value: 'tag', label: 'machines with a tag' },
          { value: 'machine', label: 'one machine' },
        ]}
      />
      {to === 'tag' && <TextField label="Tag" value={tag} onChange={setTag} />}
      {to === 'machine' && <MachineSelect label="Machine" value={machine} onChange={setMachine} />}
      <Checkbox
        label="It is a secret: kept sealed, shown to nobody, given to each boot once"
        checked={secret}
        onChange={(event) => setSecret(event.currentTarget.checked)}
      />
      {!secret && (
        <Select
          label="Type"
          allowDeselect={false}
          value={kind}
          onChange={(value) => setKind((value ?? 'string') as Kind)}
          data={[
            { value: 'string', label: 'text' },
            { value: 'number', label: 'number' },
            { value: 'boolean', label: 'true or false' },
            { value: 'list', label: 'list, one on each line' },
          ]}
        />
      )}
      {secret ? (
        <PasswordInput
          label="Value"
          autoComplete="off"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      ) : (
        <Textarea
          label="Value"
          autosize
          maxRows={10}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
    </FormDialog>
  )
}
