import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { type ReactNode, useState } from 'react'
import { ProblemNote } from './page.tsx'

/** A form in a window: what went wrong above it, cancel and send below it. Drawn only while it is open. */
export function FormDialog(props: {
  title: string
  action: string
  error: Error | null
  busy: boolean
  disabled?: boolean
  /** It destroys something: the button says so by its colour. */
  danger?: boolean
  /** Must be typed before it can be sent: for what cannot be undone and hits much. */
  typed?: string
  size?: string
  onClose: () => void
  onSend: () => void
  children: ReactNode
}) {
  const [typed, setTyped] = useState('')
  return (
    <Modal opened onClose={props.onClose} title={props.title} size={props.size ?? 'md'}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          props.onSend()
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={props.error} />
          {props.children}
          {props.typed !== undefined && (
            <TextInput
              label={`Type ${props.typed} to go on`}
              autoComplete="off"
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
          )}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              {...(props.danger ? { color: 'red.8' } : {})}
              loading={props.busy}
              disabled={(props.disabled ?? false) || (props.typed !== undefined && typed.trim() !== props.typed)}
            >
              {props.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
