import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import type { ReactElement, ReactNode } from 'react'

/** Asks once before something is destroyed. `children` draws the button that opens the question. */
export function Confirm(props: {
  title: string
  text: ReactNode
  action: string
  /** The word of the way back; `Keep it` unless said. */
  keep?: string
  onConfirm: () => void
  children: (ask: () => void) => ReactElement
}) {
  const [opened, { open, close }] = useDisclosure(false)
  return (
    <>
      {props.children(open)}
      <Modal opened={opened} onClose={close} title={props.title}>
        <Stack gap="md">
          <Text size="sm" component="div">
            {props.text}
          </Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={close}>
              {props.keep ?? 'Keep it'}
            </Button>
            <Button
              color="red.8"
              data-autofocus
              onClick={() => {
                close()
                props.onConfirm()
              }}
            >
              {props.action}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  )
}
