import { Button, Group, Menu, Modal, PasswordInput, Select, Stack, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconBan, IconChevronDown, IconCircleCheck, IconPlus, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import type { Me, User } from '../../api/contract/access.ts'
import { fieldProblem } from '../api/call.ts'
import { useMe } from '../api/me.tsx'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Page, ProblemNote } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'

const ROLES: readonly { value: Me['role']; label: string }[] = [
  { value: 'viewer', label: 'viewer: sees everything, changes nothing' },
  { value: 'user', label: 'user: also boots, switches, uploads images' },
  { value: 'operator', label: 'operator: also approves and edits machines and profiles' },
  { value: 'admin', label: 'admin: everything, users and lab included' },
]

export function UsersPage() {
  const [opened, { open, close }] = useDisclosure(false)
  const [changing, setChanging] = useState<User | null>(null)
  const users = useList('listUsers', {})
  return (
    <Page
      title="Users"
      lead="Who may log in, and what they may do."
      actions={
        <Button leftSection={<IconPlus size={15} />} onClick={open}>
          Create user
        </Button>
      }
    >
      <Card flush label="Users">
        <Listing
          list={users}
          head={
            <>
              <th>User</th>
              <th>Role</th>
              <th>State</th>
              <th className="wide">Created</th>
              <ActionsHead />
            </>
          }
          empty={null}
        >
          {(user) => <UserRow key={user.name} user={user} onChange={() => setChanging(user)} />}
        </Listing>
      </Card>
      {opened && <UserForm onClose={close} />}
      {changing && <UserForm user={changing} onClose={() => setChanging(null)} />}
    </Page>
  )
}

function UserRow({ user, onChange }: { user: User; onChange: () => void }) {
  const me = useMe()
  const update = useDo('updateUser', {
    done: (saved) =>
      saved.disabled ? `${saved.name} is disabled; all their sessions ended.` : `${saved.name} may log in again.`,
  })
  const remove = useDo('deleteUser', { done: () => `${user.name} is deleted.` })
  const params = { user: user.name }
  return (
    <tr>
      <td>
        <b style={{ fontWeight: 580 }}>{user.name}</b>
        {user.name === me.name && <span className="soft"> (you)</span>}
      </td>
      <td>{user.role}</td>
      <td>
        {user.disabled ? (
          <Status look={['bad', IconBan, 'disabled']} />
        ) : (
          <Status look={['good', IconCircleCheck, 'may log in']} />
        )}
      </td>
      <td className="wide soft">
        <Ago at={user.createdAt} />
      </td>
      <td className="end">
        {user.name !== me.name && (
          <Confirm
            title={`Delete ${user.name}?`}
            text="All their tokens and sessions end. What they did stays in the audit log."
            action="Delete user"
            onConfirm={() => remove.mutate({ params })}
          >
            {(ask) => (
              <Menu>
                <Menu.Target>
                  <Button size="compact-xs" variant="default" rightSection={<IconChevronDown size={12} />}>
                    Change
                  </Button>
                </Menu.Target>
                <Menu.Dropdown>
                  <Menu.Item onClick={onChange}>Role or password…</Menu.Item>
                  <Menu.Item onClick={() => update.mutate({ params, body: { disabled: !user.disabled } })}>
                    {user.disabled ? 'Let them log in again' : 'Disable'}
                  </Menu.Item>
                  <Menu.Item color="red" leftSection={<IconTrash size={15} />} onClick={ask}>
                    Delete…
                  </Menu.Item>
                </Menu.Dropdown>
              </Menu>
            )}
          </Confirm>
        )}
      </td>
    </tr>
  )
}

function UserForm({ user, onClose }: { user?: User; onClose: () => void }) {
  const [name, setName] = useState(user?.name ?? '')
  const [role, setRole] = useState<Me['role']>(user?.role ?? 'user')
  const [password, setPassword] = useState('')
  const doing = { quiet: true, after: onClose, done: (saved: User) => `User ${saved.name} is saved.` }
  const create = useDo('createUser', doing)
  const update = useDo('updateUser', doing)
  const { error, isPending } = user ? update : create
  return (
    <Modal opened onClose={onClose} title={user ? `Change ${user.name}` : 'Create a user'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (user) update.mutate({ params: { user: user.name }, body: password ? { role, password } : { role } })
          else create.mutate({ body: { name, role, password } })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={error} />
          {!user && (
            <TextInput
              label="Name"
              data-autofocus
              required
              withAsterisk={false}
              autoComplete="off"
              value={name}
              error={fieldProblem(error, 'name')}
              onChange={(event) => setName(event.currentTarget.value)}
            />
          )}
          <Select
            label="Role"
            allowDeselect={false}
            data={ROLES}
            value={role}
            onChange={(value) => setRole(value as Me['role'])}
          />
          <PasswordInput
            label="Password"
            description={
              user
                ? 'Left empty, it stays; a new one ends all their sessions'
                : 'At least 10 characters; they can change it'
            }
            autoComplete="new-password"
            required={!user}
            withAsterisk={false}
            minLength={10}
            value={password}
            error={fieldProblem(error, 'password')}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={isPending}>
              {user ? 'Save' : 'Create user'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
