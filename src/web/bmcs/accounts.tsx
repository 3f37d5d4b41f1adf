import { Button, Menu } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBan, IconChevronDown, IconCircleCheck } from '@tabler/icons-react'
import { useState } from 'react'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { useMay } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { AddButton } from '../parts/buttons.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/fields.tsx'
import { Card } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Once, PrivilegeSelect } from './add.tsx'

type Privilege = Bmc['users'][number]['privilege']

/** Who may log in to a BMC by IPMI and Redfish. */
export function Accounts({ bmc }: { bmc: Bmc }) {
  const operator = useMay('operator')
  const [adding, add] = useDisclosure(false)
  const [shown, setShown] = useState<{ user: string; password: string } | null>(null)
  const set = useDo('setBmcUser', {
    after: (said) => {
      if (said.password !== null) setShown({ user: said.user.name, password: said.password })
    },
  })
  const remove = useDo('removeBmcUser', { done: (_, { params }) => `${params.user} is removed; its sessions ended.` })
  const change = (user: string, body: { enabled?: boolean; privilege?: Privilege; newPassword?: boolean }) =>
    set.mutate({ params: { machine: bmc.machine, user }, body })
  return (
    <Card title="Accounts" flush aside={operator && <AddButton onClick={add.open}>Add account</AddButton>}>
      <table className="rows">
        <thead>
          <tr>
            <th>Account</th>
            <th>Privilege</th>
            <th>State</th>
            {operator && <ActionsHead />}
          </tr>
        </thead>
        <tbody>
          {bmc.users.map((user) => (
            <tr key={user.slot}>
              <td>
                {user.name} <span className="soft">slot {user.slot}</span>
              </td>
              <td>{user.privilege}</td>
              <td>
                <Status look={user.enabled ? ['good', IconCircleCheck, 'may log in'] : ['calm', IconBan, 'disabled']} />
              </td>
              {operator && (
                <td className="end">
                  <Menu position="bottom-end">
                    <Menu.Target>
                      <Button size="compact-xs" variant="default" rightSection={<IconChevronDown size={12} />}>
                        Account
                      </Button>
                    </Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item onClick={() => change(user.name, { newPassword: true })}>New password</Menu.Item>
                      <Menu.Item onClick={() => change(user.name, { enabled: !user.enabled })}>
                        {user.enabled ? 'Disable' : 'Enable'}
                      </Menu.Item>
                      <Confirm
                        title={`Remove the account ${user.name}?`}
                        text="Its sessions end. Programs that use it are refused."
                        action="Remove"
                        onConfirm={() => remove.mutate({ params: { machine: bmc.machine, user: user.name } })}
                      >
                        {(ask) => (
                          <Menu.Item closeMenuOnClick={false} onClick={ask}>
                            Remove
                          </Menu.Item>
                        )}
                      </Confirm>
                    </Menu.Dropdown>
                  </Menu>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {adding && <AddAccount bmc={bmc} onClose={add.close} onShown={setShown} />}
      {shown && <Once bmc={bmc} {...shown} onClose={() => setShown(null)} />}
    </Card>
  )
}

function AddAccount(props: {
  bmc: Bmc
  onClose: () => void
  onShown: (shown: { user: string; password: string }) => void
}) {
  const { bmc, onClose, onShown } = props
  const [user, setUser] = useState('')
  const [privilege, setPrivilege] = useState<Privilege>('operator')
  const add = useDo('setBmcUser', {
    quiet: true,
    after: (said) => {
      onClose()
      if (said.password !== null) onShown({ user: said.user.name, password: said.password })
    },
  })
  return (
    <FormDialog
      title={`An account of the BMC of ${bmc.machineName}`}
      action="Add"
      error={add.error}
      busy={add.isPending}
      disabled={user.trim() === ''}
      onClose={onClose}
      onSend={() =>
        add.mutate({ params: { machine: bmc.machine, user: user.trim() }, body: { privilege, newPassword: true } })
      }
    >
      <TextField
        label="User"
        data-autofocus
        autoComplete="off"
        value={user}
        of="user"
        error={add.error}
        onChange={setUser}
      />
      <PrivilegeSelect value={privilege} onChange={setPrivilege} />
    </FormDialog>
  )
}
