import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core'
import { useState } from 'react'
import { queries, useDo } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { Mark } from './mark.tsx'
import style from './shell.module.css'

/** Asks who is there. A wrong password keeps the name, so that only the password is typed again. */
export function Login() {
  const [username, setUsername] = useState('admin')
  const [password, setPassword] = useState('')
  const login = useDo('login', {
    quiet: true,
    after: (me) => queries.setQueryData(['me', {}], me),
  })
  return (
    <main className={style.login}>
      <form
        className={style.loginCard}
        onSubmit={(event) => {
          event.preventDefault()
          login.mutate({ body: { username, password } }, { onError: () => setPassword('') })
        }}
      >
        <Stack gap="md">
          <div>
            <Mark size={44} />
            <h1 style={{ marginTop: '0.7rem' }}>Reveille</h1>
            <Text c="dimmed" size="sm">
              Log in to see and boot your machines.
            </Text>
          </div>
          <ProblemNote error={login.error} />
          <TextInput
            label="User"
            name="username"
            autoComplete="username"
            required
            withAsterisk={false}
            value={username}
            onChange={(event) => setUsername(event.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            name="password"
            autoComplete="current-password"
            required
            withAsterisk={false}
            data-autofocus
            autoFocus
            value={password}
            onChange={(event) => setPassword(event.currentTarget.value)}
          />
          <Button type="submit" size="sm" fullWidth loading={login.isPending}>
            Log in
          </Button>
          <Text c="dimmed" size="xs">
            The first password of admin is in the file <span className="mono">admin-password</span> of the server’s data
            directory.
          </Text>
        </Stack>
      </form>
    </main>
  )
}
