import { Button } from '@mantine/core'
import { IconPlus } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Confirm } from './confirm.tsx'

/** Opens the form for one more; stands in the heading of a card. */
export function AddButton({ onClick, children }: { onClick: () => void; children: ReactNode }) {
  return (
    <Button size="compact-xs" variant="default" leftSection={<IconPlus size={13} />} onClick={onClick}>
      {children}
    </Button>
  )
}

/** Takes one row of a table away, once what that means was read. */
export function RemoveButton(props: {
  title: string
  text: ReactNode
  word?: string
  busy?: boolean
  onConfirm: () => void
}) {
  const { title, text, word = 'Remove', busy = false, onConfirm } = props
  return (
    <Confirm title={title} text={text} action={word} onConfirm={onConfirm}>
      {(ask) => (
        <Button size="compact-xs" variant="default" loading={busy} onClick={ask}>
          {word}
        </Button>
      )}
    </Confirm>
  )
}
