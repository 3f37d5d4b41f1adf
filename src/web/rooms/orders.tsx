import { Button } from '@mantine/core'
import { useState } from 'react'
import { useMay } from '../api/me.tsx'
import bars from '../machines/machines.module.css'
import { count } from '../parts/words.ts'
import { type Crowd, OrderBatch } from './order.tsx'
import { ACTION_ICONS } from './order-icons.ts'
import { OrderMenu } from './order-menu.tsx'
import { ACTIONS, type BatchAction } from './words.ts'

const USUAL = ['on', 'soft', 'switch', 'boot-once'] as const

/** What can be done with the chosen machines of a room, or with all of it. */
export function Orders(props: {
  crowd: Crowd
  /** What is shown is all of the room: then an order without a choice is for all of it. */
  wholeRoom: boolean
  onClear: () => void
  onAll: () => void
  onStarted: (batch: string) => void
}) {
  const { crowd } = props
  const operator = useMay('operator')
  const [action, setAction] = useState<BatchAction | null>(null)
  const some = crowd.chosen.length > 0
  const none = !some && (!props.wholeRoom || crowd.total === 0)
  if (!operator) return null
  return (
    <div className={bars.bulk} role="toolbar" aria-label="What to do with them">
      <b className="figures">
        {some
          ? `${count(crowd.chosen.length, 'machine')} chosen`
          : none
            ? 'None chosen'
            : `The whole room: ${count(crowd.total, 'machine')}`}
      </b>
      {USUAL.map((each) => {
        const Icon = ACTION_ICONS[each]
        return (
          <Button
            key={each}
            variant="default"
            leftSection={<Icon size={14} />}
            disabled={none}
            onClick={() => setAction(each)}
          >
            {ACTIONS[each].word}
          </Button>
        )
      })}
      <OrderMenu word="More" actions={['boot', 'cycle', 'off', 'reset']} disabled={none} onChoose={setAction} />
      <span style={{ marginInlineStart: 'auto' }}>
        {some ? (
          <Button variant="subtle" color="gray" onClick={props.onClear}>
            Clear
          </Button>
        ) : (
          crowd.total > 0 && (
            <Button variant="subtle" color="gray" onClick={props.onAll}>
              {props.wholeRoom ? 'Choose all' : `Choose these ${crowd.total}`}
            </Button>
          )
        )}
      </span>
      {action && (
        <OrderBatch action={action} crowd={crowd} onClose={() => setAction(null)} onStarted={props.onStarted} />
      )}
    </div>
  )
}
