import { Button, Group, NumberInput, PasswordInput, SegmentedControl, Textarea, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKey, IconLock, IconPower, IconRefresh } from '@tabler/icons-react'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import type { GuestInfo } from '../../api/contract/rooms.ts'
import { fieldProblem } from '../api/call.ts'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Empty, Facts, ProblemNote, Stacked } from '../parts/page.tsx'
import { count, span } from '../parts/words.ts'

type Dialog = 'access' | 'password'

/** The running system of a machine, asked through SSH: who it is, who is logged in, its password, a clean reboot. */
export function Guest({ machine }: { machine: Machine }) {
  const params = { machine: machine.id }
  const [asked, ask] = useDisclosure(false)
  const [dialog, setDialog] = useState<Dialog | null>(null)
  const guest = useGet('getGuest', { params }, { enabled: asked })
  const reboot = useDo('rebootGuest', {
    done: (_, { body }) => `${machine.name} ${body?.powerOff ? 'shuts down' : 'reboots'}.`,
  })
  return (
    <Stacked>
      <Card
        title="Running system"
        aside={
          <>
            <Button
              size="compact-xs"
              variant="default"
              leftSection={<IconKey size={13} />}
              onClick={() => setDialog('access')}
            >
              Access
            </Button>
            <Button
              size="compact-xs"
              variant="default"
              leftSection={<IconLock size={13} />}
              onClick={() => setDialog('password')}
            >
              Set a password
            </Button>
            <Reboot
              machine={machine}
              busy={reboot.isPending}
              powerOff={false}
              onConfirm={(body) => reboot.mutate({ params, body })}
            />
            <Reboot
              machine={machine}
              busy={reboot.isPending}
              powerOff
              onConfirm={(body) => reboot.mutate({ params, body })}
            />
          </>
        }
      >
        {!asked && (
          <Empty
            title="Ask it who it is"
            action={
              <Button leftSection={<IconRefresh size={14} />} onClick={ask.open}>
                Ask through SSH
              </Button>
            }
          >
            Shows host name, system, addresses and who is logged in. It needs access: a user with a key or password.
          </Empty>
        )}
        {asked && guest.error && !guest.data && (
          <>
            <ProblemNote error={guest.error} retry={() => void guest.refetch()} />
            <Button mt="sm" variant="default" onClick={() => setDialog('access')}>
              Say how it is reached
            </Button>
          </>
        )}
        {asked && !guest.error && !guest.data && <span role="status">Asking the machine…</span>}
        {guest.data && (
          <>
            <About guest={guest.data} />
            <Button
              mt="sm"
              size="compact-xs"
              variant="default"
              leftSection={<IconRefresh size={13} />}
              loading={guest.isFetching}
              onClick={() => void guest.refetch()}
            >
              Ask again
            </Button>
          </>
        )}
      </Card>
      {guest.data && <Users guest={guest.data} />}
      {dialog === 'access' && <Access machine={machine} onClose={() => setDialog(null)} />}
      {dialog === 'password' && <Password machine={machine} onClose={() => setDialog(null)} />}
    </Stacked>
  )
}

function Reboot(props: {
  machine: Machine
  busy: boolean
  powerOff: boolean
  onConfirm: (body: { powerOff: boolean }) => void
}) {
  const { machine, powerOff } = props
  const word = powerOff ? 'Shut down' : 'Reboot'
  return (
    <Confirm
      title={`${word} ${machine.name}?`}
      text="Its system ends its programs in order. Who works there is not asked, and what was not saved in a program is lost."
      action={word}
      keep="Leave it"
      onConfirm={() => props.onConfirm({ powerOff })}
    >
      {(ask) => (
        <Button
          size="compact-xs"
          variant="default"
          leftSection={powerOff ? <IconPower size={13} /> : <IconRefresh size={13} />}
          loading={props.busy}
          onClick={ask}
        >
          {word}
        </Button>
      )}
    </Confirm>
  )
}

function About({ guest }: { guest: GuestInfo }) {
  return (
    <Facts
      rows={[
        ['Host name', guest.hostname],
        ['System', guest.os],
        ['Kernel', guest.kernel],
        ['Up for', span(guest.uptimeSeconds * 1000)],
        [
          'Addresses',
          guest.addresses.map((address) => (
            <div key={address}>
              <Code copy>{address}</Code>
            </div>
          )),
        ],
      ]}
    />
  )
}

function Users({ guest }: { guest: GuestInfo }) {
  return (
    <Card title={guest.users.length === 0 ? 'Nobody is logged in' : `${count(guest.users.length, 'login')}`} flush>
      {guest.users.length > 0 && (
        <table className="rows">
          <thead>
            <tr>
              <th>User</th>
              <th>Terminal</th>
              <th>From</th>
              <th>Since</th>
            </tr>
          </thead>
          <tbody>
            {guest.users.map((user) => (
              <tr key={`${user.name} ${user.terminal} ${user.since}`}>
                <td>{user.name}</td>
                <td className="mono">{user.terminal}</td>
                <td className="mono">{user.from || 'here'}</td>
                <td>{user.since}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}

function Access({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [user, setUser] = useState('root')
  const [port, setPort] = useState(22)
  const [by, setBy] = useState<'key' | 'password'>('key')
  const [password, setPassword] = useState('')
  const [privateKey, setKey] = useState('')
  const [hostKey, setHostKey] = useState('')
  const save = useDo('setGuestAccess', {
    quiet: true,
    done: (set) => `${machine.name} is reached as ${set.user} on port ${set.port}.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`How ${machine.name} is reached`}
      action="Save"
      error={save.error}
      busy={save.isPending}
      disabled={by === 'key' ? !privateKey.trim() : !password}
      onClose={onClose}
      onSend={() =>
        save.mutate({
          params: { machine: machine.id },
          body: {
            ...{ user: user.trim(), port, hostKey: hostKey.trim() || null },
            password: by === 'password' ? password : null,
            privateKey: by === 'key' ? `${privateKey.trim()}\n` : null,
          },
        })
      }
    >
      <Group grow align="flex-start">
        <TextInput
          label="User"
          autoComplete="off"
          value={user}
          error={fieldProblem(save.error, 'user')}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <NumberInput
          label="Port"
          min={1}
          max={65_535}
          value={port}
          onChange={(value) => setPort(Number(value) || 22)}
        />
      </Group>
      <SegmentedControl
        size="xs"
        aria-label="Proof"
        value={by}
        onChange={(value) => setBy(value as typeof by)}
        data={[
          { value: 'key', label: 'Private key' },
          { value: 'password', label: 'Password' },
        ]}
      />
      {by === 'key' ? (
        <Textarea
          label="Private key"
          description="Kept on the server and never shown again"
          autosize
          minRows={4}
          maxRows={8}
          autoComplete="off"
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
          value={privateKey}
          error={fieldProblem(save.error, 'privateKey')}
          onChange={(event) => setKey(event.currentTarget.value)}
        />
      ) : (
        <PasswordInput
          label="Password"
          description="Kept on the server and never shown again"
          autoComplete="new-password"
          value={password}
          error={fieldProblem(save.error, 'password')}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
      )}
      <TextInput
        label="Host key"
        description="Empty: learnt at the first connection, and expected from then on"
        placeholder="SHA256:…"
        value={hostKey}
        error={fieldProblem(save.error, 'hostKey')}
        onChange={(event) => setHostKey(event.currentTarget.value)}
      />
    </FormDialog>
  )
}

function Password({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [via, setVia] = useState<'ssh' | 'volume'>('ssh')
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const set = useDo('setGuestPassword', {
    quiet: true,
    done: () => `The password of ${user.trim()} on ${machine.name} is set.`,
    after: onClose,
  })
  return (
    <FormDialog
      title={`Set a password on ${machine.name}`}
      action="Set password"
      error={set.error}
      busy={set.isPending}
      onClose={onClose}
      onSend={() => set.mutate({ params: { machine: machine.id }, body: { user: user.trim(), password, via } })}
    >
      <SegmentedControl
        size="xs"
        aria-label="How"
        value={via}
        onChange={(value) => setVia(value as typeof via)}
        data={[
          { value: 'ssh', label: 'It is on: through SSH' },
          { value: 'volume', label: 'It is off: in its volume' },
        ]}
      />
      {via === 'volume' && (
        <Notice tone="calm" title="Linux only">
          <p>The volume is changed by the agent while nobody is logged in to it.</p>
        </Notice>
      )}
      <TextInput
        label="User"
        data-autofocus
        required
        withAsterisk={false}
        autoComplete="off"
        value={user}
        error={fieldProblem(set.error, 'user')}
        onChange={(event) => setUser(event.currentTarget.value)}
      />
      <PasswordInput
        label="New password"
        required
        withAsterisk={false}
        autoComplete="new-password"
        value={password}
        error={fieldProblem(set.error, 'password')}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
    </FormDialog>
  )
}
