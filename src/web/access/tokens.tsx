import { Button, Group, Modal, Select, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconPlus } from '@tabler/icons-react'
import { useState } from 'react'
import { fieldProblem } from '../api/call.ts'
import { useDo } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, ProblemNote } from '../parts/page.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'

export function TokensPage() {
  const [opened, { open, close }] = useDisclosure(false)
  const tokens = useList('listTokens', {})
  const revoke = useDo('revokeToken', { done: () => 'The token is revoked; programs with it are refused from now on.' })
  const button = (
    <Button leftSection={<IconPlus size={15} />} onClick={open}>
      Create token
    </Button>
  )
  return (
    <Page
      title="Tokens"
      actions={button}
      lead="Secrets for programs. A program with a token may do what you may, within the scopes of the token."
    >
      <Card flush label="Tokens">
        <Listing
          list={tokens}
          head={
            <>
              <th>Token</th>
              <th>Begins with</th>
              <th>User</th>
              <th className="wide">Scopes</th>
              <th className="wide">Last used</th>
              <th>Ends</th>
              <ActionsHead />
            </>
          }
          empty={
            <Empty title="There is no token yet" action={button}>
              Create one for the command line on another computer (REVEILLE_TOKEN) or for a program that calls the API.
            </Empty>
          }
        >
          {(token) => (
            <tr key={token.id}>
              <td>
                <b style={{ fontWeight: 580 }}>{token.name}</b>
              </td>
              <td className="mono">{token.hint}…</td>
              <td>{token.user}</td>
              <td className="wide mono">{token.scopes.join(', ')}</td>
              <td className="wide soft">
                <Ago at={token.lastUsedAt} />
              </td>
              <td className="soft">
                <Ago at={token.expiresAt} />
              </td>
              <td className="end">
                <Confirm
                  title={`Revoke ${token.name}?`}
                  text="Programs that use it are refused from now on. This cannot be undone."
                  action="Revoke token"
                  onConfirm={() => revoke.mutate({ params: { token: token.id } })}
                >
                  {(ask) => (
                    <Button size="compact-xs" variant="default" onClick={ask}>
                      Revoke
                    </Button>
                  )}
                </Confirm>
              </td>
            </tr>
          )}
        </Listing>
      </Card>
      {opened && <CreateToken onClose={close} />}
    </Page>
  )
}

function CreateToken({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState(['*:*'])
  const [days, setDays] = useState('90')
  const create = useDo('createToken', { quiet: true })
  if (create.data)
    return (
      <Modal opened onClose={onClose} title={`Token ${create.data.name}`} closeOnClickOutside={false}>
        <Stack gap="sm">
          <Text size="sm">Copy it now: it is shown this once and kept nowhere.</Text>
          <div style={{ overflowX: 'auto' }}>
            <Code copy>{create.data.secret}</Code>
          </div>
          <Group justify="flex-end">
            <Button onClick={onClose}>I have it</Button>
          </Group>
        </Stack>
      </Modal>
    )
  return (
    <Modal opened onClose={onClose} title="Create a token">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate({ body: { name, scopes, days: days === 'never' ? null : Number(days) } })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={create.error} />
          <TextInput
            label="Name"
            description="What uses it"
            data-autofocus
            required
            withAsterisk={false}
            value={name}
            error={fieldProblem(create.error, 'name')}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <TagsInput
            label="Scopes"
            description="GROUP:read, GROUP:write or GROUP:*; *:* is everything that you may"
            data={['*:*', '*:read', 'machines:*', 'machines:read', 'images:*', 'profiles:*', 'power:*', 'lab:*']}
            value={scopes}
            error={fieldProblem(create.error, 'scopes') ?? fieldProblem(create.error, 'scopes.0')}
            onChange={setScopes}
            acceptValueOnBlur
          />
          <Select
            label="Ends"
            allowDeselect={false}
            data={[
              { value: '1', label: 'after a day' },
              { value: '30', label: 'after 30 days' },
              { value: '90', label: 'after 90 days' },
              { value: '365', label: 'after a year' },
              { value: 'never', label: 'never' },
            ]}
            value={days}
            onChange={(value) => setDays(value ?? '90')}
          />
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={create.isPending} disabled={scopes.length === 0}>
              Create token
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
