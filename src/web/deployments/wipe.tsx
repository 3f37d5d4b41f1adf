import { Button, Group, Modal, Select, Stack } from '@mantine/core'
import { IconEraser } from '@tabler/icons-react'
import { useState } from 'react'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Deployment } from '../../api/contract/deployments.ts'
import { useGet } from '../api/use.ts'
import { Empty, ProblemNote } from '../parts/page.tsx'
import { Arming } from './arm.tsx'
import { armOf, candidatesIn } from './arming.ts'
import { useInventory, useOrder } from './order.ts'
import { PlanView, UnknownDisks } from './plan.tsx'

type Method = Extract<Deployment['action'], { kind: 'wipe' }>['method']
const METHODS: readonly { value: Method; label: string }[] = [
  { value: 'auto', label: 'the best that each disk can do' },
  { value: 'secure-erase', label: 'secure erase, by the disk itself' },
  { value: 'discard', label: 'discard: the disk forgets at once' },
  { value: 'overwrite', label: 'overwrite with zeros: slow, works everywhere' },
]

/** Orders that disks of a machine be wiped. */
export function Wipe({ machine, onClose }: { machine: { id: string; name: string }; onClose: () => void }) {
  const params = { machine: machine.id }
  const [method, setMethod] = useState<Method>('auto')
  const [armed, setArmed] = useState<ReadonlySet<string>>(new Set())
  const inventory = useInventory(machine.id)
  const candidates = inventory.data ? candidatesIn(inventory.data.inventory) : []
  const body = { action: { kind: 'wipe' as const, method }, arm: armOf(candidates, armed) }
  const plan = useGet('planDeployment', { params, body }, { enabled: armed.size > 0, keep: true })
  const order = useOrder(onClose)
  const unknown = inventory.error instanceof ApiProblem && inventory.error.status === 404
  return (
    <Modal opened onClose={onClose} size="lg" title={`Wipe disks of ${machine.name}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          order.mutate({ params, body })
        }}
      >
        <Stack gap="sm">
          <ProblemNote error={order.error ?? (unknown ? null : inventory.error)} />
          {unknown && (
            <UnknownDisks
              busy={order.isPending}
              onInventory={() => order.mutate({ params, body: { action: { kind: 'inventory' } } })}
            />
          )}
          {inventory.data && candidates.length === 0 && (
            <Empty title="There is nothing to wipe">
              No disk of this machine has a serial number and can be written.
            </Empty>
          )}
          <Arming candidates={candidates} armed={armed} onChange={setArmed} gone="wiped" />
          <Select
            label="How"
            description="Samples are read back afterwards, and a certificate says what was done"
            allowDeselect={false}
            data={METHODS}
            value={method}
            onChange={(value) => setMethod(value as Method)}
          />
          {armed.size > 0 && <PlanView plan={plan} />}
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              Cancel
            </Button>
            <Button
              type="submit"
              color="red.8"
              leftSection={<IconEraser size={15} />}
              disabled={armed.size === 0 || plan.isPlaceholderData || !plan.data?.possible}
              loading={order.isPending}
            >
              {armed.size > 1 ? `Wipe ${armed.size} disks` : 'Wipe the disk'}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  )
}
