import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { AddButton, RemoveButton } from '../parts/buttons.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/fields.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { count } from '../parts/words.ts'

/** Rules that give every machine with a tag a BMC. */
export function Rules() {
  const operator = useMay('operator')
  const rules = useList('listBmcRules', {}, { limit: 50 })
  const [adding, add] = useDisclosure(false)
  const remove = useDo('removeBmcRule', { done: (_, { params }) => `There is no rule ${params.rule} any more.` })
  return (
    <Card title="Rules" flush aside={operator && <AddButton onClick={add.open}>Add rule</AddButton>}>
      <Listing
        list={rules}
        lines={2}
        head={
          <>
            <th>Rule</th>
            <th>Machines with the tag</th>
            <th className="wide">Account</th>
            <th className="end">Made</th>
            {operator && <ActionsHead />}
          </>
        }
        empty={
          <Empty title="No rule">
            A rule gives every machine with a tag a BMC on the next free port, those that come later too.
          </Empty>
        }
      >
        {(rule) => (
          <tr key={rule.name}>
            <td>
              <b style={{ fontWeight: 580 }}>{rule.name}</b>
              <div className="soft">
                {Object.entries(rule.routes)
                  .map(([name, target]) => `${name} → ${target}`)
                  .join(', ')}
              </div>
            </td>
            <td>{rule.tag}</td>
            <td className="wide soft">{rule.user}</td>
            <td className="end figures">{count(rule.machines, 'BMC')}</td>
            {operator && (
              <td className="end">
                <RemoveButton
                  title={`Remove the rule ${rule.name}?`}
                  text={`${count(rule.machines, 'BMC')} it made stay as they are.`}
                  onConfirm={() => remove.mutate({ params: { rule: rule.name } })}
                />
              </td>
            )}
          </tr>
        )}
      </Listing>
      {adding && <AddRule onClose={add.close} />}
    </Card>
  )
}

function AddRule({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [tag, setTag] = useState('')
  const [user, setUser] = useState('admin')
  const save = useDo('putBmcRule', {
    quiet: true,
    done: (rule) => `${count(rule.machines, 'machine')} with the tag ${rule.tag} have a BMC now.`,
    after: onClose,
  })
  return (
    <FormDialog
      title="A BMC for every machine with a tag"
      action="Save"
      error={save.error}
      busy={save.isPending}
      disabled={!name.trim() || !tag.trim() || !user.trim()}
      onClose={onClose}
      onSend={() => save.mutate({ params: { rule: name.trim() }, body: { tag: tag.trim(), user: user.trim() } })}
    >
      <TextField label="Name" data-autofocus value={name} of="rule" error={save.error} onChange={setName} />
      <TextField label="Tag" placeholder="ipmi" value={tag} of="tag" error={save.error} onChange={setTag} />
      <TextField
        label="Account"
        description="Its password is random for each machine: make a new one on the BMC's page to learn it"
        value={user}
        of="user"
        error={save.error}
        onChange={setUser}
      />
    </FormDialog>
  )
}
