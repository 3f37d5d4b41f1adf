import { Button, Menu, Text } from '@mantine/core'
import {
  IconAlertTriangle,
  IconChevronDown,
  IconPower,
  IconRefresh,
  IconRotateClockwise,
  IconZzz,
} from '@tabler/icons-react'
import { useState } from 'react'
import { ApiProblem } from '../../api/client/problem.ts'
import type { PowerStatus } from '../../api/contract/power.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { FormDialog } from '../parts/dialog.tsx'
import { PowerState } from '../parts/status.tsx'

type Action = 'on' | 'off' | 'cycle' | 'reset' | 'soft' | 'diag'
type State = 'on' | 'off' | 'unknown'

const DONE: Readonly<Record<Action, string>> = {
  on: 'was switched on',
  off: 'was switched off',
  cycle: 'was switched off and on',
  reset: 'was reset',
  soft: 'was asked to shut down',
  diag: 'was sent a diagnostic interrupt',
}

/** The power of a machine that has a driver; nothing for one that has none. */
export function usePower(machine: string) {
  // Those who look at the same machine share what was read.
  const query = { maxAge: 8 }
  return useGet('getPower', { params: { machine }, query }, { refetchMs: (data) => (data ? 10_000 : false) })
}

export function PowerBadge({ machine }: { machine: string }) {
  const power = usePower(machine)
  return power.data ? <PowerState state={power.data.state} /> : null
}

export function PowerMenu({ machine, name }: { machine: string; name: string }) {
  const power = usePower(machine)
  const user = useMay('user')
  const set = useDo('setPower', { done: (status, input) => outcomeOf(name, status, input.body.action) })
  if (!user || (!power.data && power.error instanceof ApiProblem)) return null
  const act = (action: Action) => set.mutate({ params: { machine }, body: { action } })
  return <PowerActions name={name} state={power.data?.state} pending={set.isPending} act={act} />
}

/** The same for a machine of the lab, known or not. */
export function LabPowerMenu({ name, state }: { name: string; state: State }) {
  const set = useDo('patchLabMachine', {
    done: (machine, input) => told(name, input.body?.power ?? 'on', machine.power),
  })
  const act = (power: Action) => set.mutate({ params: { name }, body: { power } })
  return <PowerActions name={name} state={state} pending={set.isPending} act={act} />
}

/** What came of an order, and how, where that took more than one. */
function outcomeOf(name: string, { state, driver, confirmed, steps = [] }: PowerStatus, action: Action): string {
  const isRestart = action === 'cycle' || action === 'reset'
  if (steps.length > 1) {
    const how = steps.map((step) => `${step.action} by ${step.driver}: ${step.said}`).join('; ')
    return `${name}: ${how}. Its power is ${state}.`
  }
  if (confirmed === null && isRestart)
    return `${name}: ${driver} said yes; ${steps[0]?.said ?? 'nothing tells whether it happened'}.`
  if (confirmed === false)
    return `${name}: ${driver} said yes, but ${action} was not seen to happen; its power is ${state}.`
  return told(name, action, state)
}

function told(name: string, action: Action, state: State): string {
  return `${name} ${DONE[action]}; its power is ${state}.`
}

/** What is asked before power is cut under a system, with what is lost by it. */
const QUESTIONS = {
  off: { title: 'Switch off', does: 'Its power is cut now.', action: 'Switch off' },
  reset: { title: 'Reset', does: 'It starts anew at once, as with its reset button.', action: 'Reset' },
  cycle: { title: 'Switch off and on', does: 'Its power is cut and comes back.', action: 'Off and on again' },
  diag: {
    title: 'Send a diagnostic interrupt to',
    does: 'Most systems stop with it, and write a dump if they are set to.',
    action: 'Send it',
  },
} as const
type Asked = keyof typeof QUESTIONS

function PowerActions(props: {
  name: string
  state: State | undefined
  pending: boolean
  act: (action: Action) => void
}) {
  const { name, state, pending, act } = props
  const [asked, setAsked] = useState<Asked | null>(null)
  if (state === undefined || state === 'off')
    return (
      <Button
        variant="default"
        leftSection={<IconPower size={15} />}
        loading={pending}
        disabled={state === undefined}
        onClick={() => act('on')}
      >
        Switch on
      </Button>
    )
  return (
    <>
      <Menu>
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconPower size={15} />}
            rightSection={<IconChevronDown size={13} />}
            loading={pending}
          >
            Power
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {state === 'unknown' && (
            <Menu.Item leftSection={<IconPower size={15} />} onClick={() => act('on')}>
              Switch on
            </Menu.Item>
          )}
          <Menu.Item leftSection={<IconZzz size={15} />} onClick={() => act('soft')}>
            Shut down (asks the system)
          </Menu.Item>
          <Menu.Item leftSection={<IconPower size={15} />} onClick={() => setAsked('off')}>
            Switch off…
          </Menu.Item>
          <Menu.Item leftSection={<IconRotateClockwise size={15} />} onClick={() => setAsked('reset')}>
            Reset…
          </Menu.Item>
          <Menu.Item leftSection={<IconRefresh size={15} />} onClick={() => setAsked('cycle')}>
            Off and on again…
          </Menu.Item>
          <Menu.Item leftSection={<IconAlertTriangle size={15} />} onClick={() => setAsked('diag')}>
            Diagnostic interrupt (NMI)…
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asked && (
        <FormDialog
          title={`${QUESTIONS[asked].title} ${name}?`}
          action={QUESTIONS[asked].action}
          danger
          error={null}
          busy={false}
          onClose={() => setAsked(null)}
          onSend={() => {
            setAsked(null)
            act(asked)
          }}
        >
          <Text size="sm">
            {QUESTIONS[asked].does} What was not saved on it is lost, and files that are being written may be damaged.
          </Text>
        </FormDialog>
      )}
    </>
  )
}
