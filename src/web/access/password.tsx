import { Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'

/** Changes one's own password. `first`: the one from the file of the first start is still in use. */
export function PasswordForm({ opened, onClose, first }: { opened: boolean; onClose: () => void; first: boolean }) {
  const [current, setCurrent] = useState('')
  const [password, setPassword] = useState('')
  const [again, setAgain] = useState('')
  const clear = () => {
    setCurrent('')
    setPassword('')
    setAgain('')
    onClose()
  }
  const change = useDo('changePassword', {
    quiet: true,
    done: () => 'Your password is changed; your other sessions ended.',
    after: clear,
  })
  const differs = again !== '' && again !== password
  return (
    <Modal opened={opened} onClose={clear} title={first ? 'Choose a password of your own' : 'Change your password'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          if (!differs) change.mutate({ body: { current, password } })
        }}
      >
        <Stack gap="sm">
          {first && (
            <Text size="sm" c="dimmed">
              The password of the first start still lies in a file on the server. The file is removed when you choose
              your own.
            </Text>
          )}
          <ProblemNote error={change.error} />
          <PasswordInput
            label="Password now"
            autoComplete="current-password"
            data-autofocus
            required
            withAsterisk={false}
            value={current}
            onChange={(event) => setCurrent(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            description="At least 10 characters"
            autoComplete="new-password"
            required
            withAsterisk={false}
            minLength={10}
            value={password}
            error={fieldProblem(change.error, 'password')}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <PasswordInput
            label="New password again"
            autoComplete="new-password"
            required
            withAsterisk={false}
            value={again}
            error={differs ? 'The two are not the same yet' : undefined}
            onChange={(event) => setAgain(event.currentTarget.value)}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={clear}>
              {first ? 'Later' : 'Cancel'}
            </Button>
            <Button type="submit" loading={change.isPending}>
              Change password
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
