import { Button, Group, Loader, Text } from '@mantine/core'
import { IconSearch } from '@tabler/icons-react'
import type { UseQueryResult } from '@tanstack/react-query'
import type { DeploymentPlan } from '../../api/contract/deployments.ts'
import { Notice } from '../parts/notice.tsx'
import { ProblemNote } from '../parts/page.tsx'
import { Ago } from '../parts/time.tsx'
import style from './deployments.module.css'

/** What would be done, step by step, and what stands in the way. Nothing is done by looking at it. */
export function PlanView({ plan }: { plan: UseQueryResult<DeploymentPlan, Error> }) {
  if (!plan.data)
    return plan.error ? (
      <ProblemNote error={plan.error} retry={() => void plan.refetch()} />
    ) : (
      <Group gap="xs" role="status">
        <Loader size="xs" />
        <Text size="sm">The server works out what would be done…</Text>
      </Group>
    )
  const { possible, problems, steps, inventoryAt } = plan.data
  return (
    <>
      {problems.length > 0 && (
        <Notice tone={possible ? 'calm' : 'wait'} title={possible ? 'Good to know' : 'What is missing still'}>
          {problems.map((problem) => (
            <p key={problem}>{problem}</p>
          ))}
        </Notice>
      )}
      {steps.length > 0 && (
        <div>
          <Text size="sm" fw={560}>
            What is done
          </Text>
          <ol className={style.steps}>
            {steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </div>
      )}
      {inventoryAt && (
        <Text size="xs" c="dimmed">
          By what the management OS found in the machine <Ago at={inventoryAt} />. It looks again before it writes, and
          refuses a disk that is not the armed one.
        </Text>
      )}
    </>
  )
}

/** Where nobody knows yet which disks a machine has. */
export function UnknownDisks({ onInventory, busy }: { onInventory: () => void; busy: boolean }) {
  return (
    <Notice
      tone="wait"
      title="The disks of this machine are not known yet"
      aside={
        <Button leftSection={<IconSearch size={14} />} loading={busy} onClick={onInventory}>
          Take inventory
        </Button>
      }
    >
      <p>
        Let the management OS look first: it boots once, reads, and changes nothing. Then the disks can be chosen here,
        with what is on them.
      </p>
    </Notice>
  )
}
