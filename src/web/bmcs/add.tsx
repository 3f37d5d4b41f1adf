import { Button, Group, Modal, NumberInput, Select, Stack } from '@mantine/core'
import { useState } from 'react'
import type { OutputOf } from '../../api/client/client.ts'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { MachineSelect } from '../machines/select.tsx'
import { Code } from '../parts/copy.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { TextField } from '../parts/fields.tsx'
import { Notice } from '../parts/notice.tsx'
import { Facts } from '../parts/page.tsx'
import { tryIt } from './words.ts'

type Privilege = OutputOf<'getBmc'>['users'][number]['privilege']
const PRIVILEGES: readonly { value: Privilege; label: string }[] = [
  { value: 'administrator', label: 'administrator: everything' },
  { value: 'operator', label: 'operator: power and boot device' },
  { value: 'user', label: 'user: looks only' },
  { value: 'callback', label: 'callback: hardly anything' },
]

/** What an account may do. */
export function PrivilegeSelect(props: { value: Privilege; onChange: (privilege: Privilege) => void }) {
  return (
    <Select
      label="Privilege"
      allowDeselect={false}
      value={props.value}
      onChange={(value) => value && props.onChange(value as Privilege)}
      data={[...PRIVILEGES]}
    />
  )
}

/** Answers a BMC for a machine; then shows its password, once. */
export function AddBmc({ machine: given, onClose }: { machine?: string; onClose: () => void }) {
  const [machine, setMachine] = useState<string | null>(given ?? null)
  const [user, setUser] = useState('admin')
  const [privilege, setPrivilege] = useState<Privilege>('administrator')
  const [address, setAddress] = useState('')
  const [port, setPort] = useState<number | string>('')
  const add = useDo('createBmc', { quiet: true })
  if (add.data) return <Once bmc={add.data.bmc} user={add.data.user} password={add.data.password} onClose={onClose} />
  return (
    <FormDialog
      title={given ? `A BMC for ${given}` : 'Add a BMC'}
      action="Add"
      error={add.error}
      busy={add.isPending}
      disabled={machine === null || user.trim() === ''}
      onClose={onClose}
      onSend={() =>
        add.mutate({
          body: {
            machine: machine ?? '',
            user: user.trim(),
            privilege,
            ...(address.trim() ? { address: address.trim() } : {}),
            ...(port === '' ? {} : { port: Number(port) }),
          },
        })
      }
    >
      {!given && (
        <MachineSelect
          label="Machine"
          withAsterisk
          value={machine}
          error={fieldProblem(add.error, 'machine')}
          onChange={setMachine}
        />
      )}
      <Group grow align="flex-start">
        <TextField label="User" autoComplete="off" value={user} of="user" error={add.error} onChange={setUser} />
        <PrivilegeSelect value={privilege} onChange={setPrivilege} />
      </Group>
      <Group grow align="flex-start">
        <TextField
          label="Address of its own"
          description="Empty: a port of this server"
          placeholder="10.0.0.200"
          value={address}
          of="address"
          error={add.error}
          onChange={setAddress}
        />
        <NumberInput
          label="UDP port"
          description="Empty: the next free one"
          min={1}
          max={65_535}
          allowDecimal={false}
          value={port}
          error={fieldProblem(add.error, 'port')}
          onChange={setPort}
        />
      </Group>
    </FormDialog>
  )
}

/** A password, this once, with what to do with it. */
export function Once(props: {
  bmc: Pick<Bmc, 'host' | 'port' | 'cipherSuites' | 'machineName'>
  user: string
  password: string
  onClose: () => void
}) {
  const { bmc, user, password, onClose } = props
  return (
    <Modal opened onClose={onClose} title={`The BMC of ${bmc.machineName}`} closeOnClickOutside={false}>
      <Stack gap="sm">
        <Notice tone="wait" title="The password is shown this once">
          <p>It is kept sealed; nobody can read it again. A new one can be made at any time.</p>
        </Notice>
        <Facts
          rows={[
            [
              'Address',
              <Code key="host" copy>
                {bmc.host}
              </Code>,
            ],
            [
              'UDP port',
              <Code key="port" copy>
                {String(bmc.port)}
              </Code>,
            ],
            [
              'User',
              <Code key="user" copy>
                {user}
              </Code>,
            ],
            [
              'Password',
              <Code key="password" copy>
                {password}
              </Code>,
            ],
          ]}
        />
        <div>
          <div className="soft">Try it; it asks for the password:</div>
          <Code copy wrap>
            {tryIt(bmc, user)}
          </Code>
        </div>
        <Group justify="flex-end">
          <Button onClick={onClose}>I have it</Button>
        </Group>
      </Stack>
    </Modal>
  )
}
