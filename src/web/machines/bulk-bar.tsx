import { Button, Group, Modal, Progress, Stack, Text } from '@mantine/core'
import { IconCheck, IconPlayerTrackNext, IconPower, IconTag, IconTemplate } from '@tabler/icons-react'
import { useState } from 'react'
import type { Machine } from '../../api/contract/machines.ts'
import { call } from '../api/call.ts'
import { queries, toast } from '../api/use.ts'
import { ProblemNote } from '../parts/page.tsx'
import { count } from '../parts/words.ts'
import { ProfileSelect } from '../profiles/choose.tsx'
import { OrderBatch } from '../rooms/order.tsx'
import { OrderMenu } from '../rooms/order-menu.tsx'
import type { BatchAction } from '../rooms/words.ts'
import { type BulkResult, forEachMachine } from './bulk.ts'
import { BulkTags } from './bulk-tags.tsx'
import style from './machines.module.css'

export type Chosen = ReadonlyMap<string, Pick<Machine, 'id' | 'name' | 'state'>>
type Order = 'approve' | 'profile' | 'once'

const ORDERS: Readonly<Record<Order, { title: string; label: string; action: string; hint: string }>> = {
  approve: {
    title: 'Approve',
    label: 'Profile',
    action: 'Approve',
    hint: 'What they become at every boot. Without one they stay parked.',
  },
  profile: {
    title: 'Set the profile of',
    label: 'Profile',
    action: 'Set profile',
    hint: 'What they become at every boot.',
  },
  once: {
    title: 'Next boot of',
    label: 'Boot just once',
    action: 'Order next boot',
    hint: 'Used up by one boot; then they boot their own profile again.',
  },
}

/** What can be done to all chosen machines at once. */
export function BulkBar(props: {
  chosen: Chosen
  onClear: () => void
  /** A batch was started for them. */
  onBatch: (batch: string) => void
  operator: boolean
}) {
  const { chosen, onClear, operator } = props
  const [order, setOrder] = useState<Order | null>(null)
  const [tagging, setTagging] = useState(false)
  const [action, setAction] = useState<BatchAction | null>(null)
  const all = [...chosen.values()]
  const discovered = all.filter((machine) => machine.state === 'discovered')
  return (
    <div className={style.bulk} role="toolbar" aria-label="Chosen machines">
      <b className="figures">{count(chosen.size, 'machine')} chosen</b>
      {operator && (
        <Button
          leftSection={<IconCheck size={14} />}
          disabled={discovered.length === 0}
          onClick={() => setOrder('approve')}
        >
          Approve {discovered.length > 0 && discovered.length < chosen.size ? discovered.length : ''}
        </Button>
      )}
      <Button variant="default" leftSection={<IconTemplate size={14} />} onClick={() => setOrder('profile')}>
        Set profile
      </Button>
      <Button variant="default" leftSection={<IconPlayerTrackNext size={14} />} onClick={() => setOrder('once')}>
        Next boot
      </Button>
      {operator && (
        <>
          <Button variant="default" leftSection={<IconTag size={14} />} onClick={() => setTagging(true)}>
            Tags
          </Button>
          <OrderMenu
            word="Power and disks"
            icon={<IconPower size={14} />}
            actions={['on', 'soft', 'switch', 'cycle', 'off', 'reset']}
            onChoose={setAction}
          />
        </>
      )}
      <Button variant="subtle" color="gray" onClick={onClear} ml="auto">
        Clear
      </Button>
      {order && (
        <BulkOrder
          order={order}
          machines={order === 'approve' ? discovered : all}
          onClose={() => setOrder(null)}
          onDone={onClear}
        />
      )}
      {tagging && <BulkTags machines={all} onClose={() => setTagging(false)} onDone={onClear} />}
      {action && (
        <OrderBatch
          action={action}
          crowd={{ tag: null, total: all.length, chosen: all }}
          onClose={() => setAction(null)}
          onStarted={props.onBatch}
        />
      )}
    </div>
  )
}

function BulkOrder(props: {
  order: Order
  machines: readonly Pick<Machine, 'id' | 'name'>[]
  onClose: () => void
  onDone: () => void
}) {
  const { order, machines } = props
  const words = ORDERS[order]
  const [profile, setProfile] = useState<string | null>(null)
  const [ended, setEnded] = useState<number | null>(null)
  const [result, setResult] = useState<BulkResult | null>(null)
  const run = async () => {
    setEnded(0)
    const outcome = await forEachMachine(
      machines,
      ({ id: machine }) =>
        order === 'approve'
          ? call('approveMachine', { params: { machine }, body: profile ? { profile } : {} })
          : call('setBoot', { params: { machine }, body: order === 'once' ? { once: profile } : { profile } }),
      setEnded,
    )
    void queries.invalidateQueries()
    setEnded(null)
    if (outcome.failed.length > 0) return setResult(outcome)
    toast(`Done for ${count(outcome.done, 'machine')}.`)
    props.onDone()
    props.onClose()
  }
  return (
    <Modal
      opened
      onClose={props.onClose}
      title={`${words.title} ${count(machines.length, 'machine')}`}
      closeOnClickOutside={ended === null}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void run()
        }}
      >
        <Stack gap="sm">
          {result && (
            <>
              <ProblemNote error={result.failed[0]?.error} />
              <Text size="sm">
                Done for {result.done}, refused for {result.failed.length}:{' '}
                {result.failed
                  .slice(0, 8)
                  .map((f) => f.machine)
                  .join(', ')}
                {result.failed.length > 8 && ' …'}
              </Text>
            </>
          )}
          <ProfileSelect
            label={words.label}
            description={words.hint}
            value={profile}
            onChange={setProfile}
            data-autofocus
          />
          {ended !== null && <Progress value={(100 * ended) / machines.length} aria-label="Progress" animated />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={props.onClose} disabled={ended !== null}>
              {result ? 'Close' : 'Cancel'}
            </Button>
            <Button type="submit" loading={ended !== null} disabled={order === 'once' && !profile}>
              {words.action}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
