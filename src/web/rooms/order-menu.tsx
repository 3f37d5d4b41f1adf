import { Button, Menu } from '@mantine/core'
import { IconChevronDown } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { ACTION_ICONS } from './order-icons.ts'
import { ACTIONS, type BatchAction } from './words.ts'

/** A menu of what may be done with many machines; what cuts power or drops writes is red. */
export function OrderMenu(props: {
  word: string
  icon?: ReactNode
  actions: readonly BatchAction[]
  disabled?: boolean
  onChoose: (action: BatchAction) => void
}) {
  return (
    <Menu>
      <Menu.Target>
        <Button
          variant="default"
          leftSection={props.icon}
          rightSection={<IconChevronDown size={13} />}
          disabled={props.disabled ?? false}
        >
          {props.word}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {props.actions.map((action) => {
          const Icon = ACTION_ICONS[action]
          const red = action === 'off' || action === 'reset'
          return (
            <Menu.Item
              key={action}
              {...(red ? { color: 'red' } : {})}
              leftSection={<Icon size={15} />}
              onClick={() => props.onChoose(action)}
            >
              {ACTIONS[action].word.replace(/…$/, '')}…
            </Menu.Item>
          )
        })}
      </Menu.Dropdown>
    </Menu>
  )
}
