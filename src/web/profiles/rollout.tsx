import { Button, Select, Switch, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconRocket } from '@tabler/icons-react'
import { useState } from 'react'
import type { Rollout } from '../../api/contract/maintenance.ts'
import { fieldProblem } from '../api/call.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { FormDialog } from '../parts/dialog.tsx'
import { Card } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { ROLLOUT_LOOKS } from '../volumes/looks.tsx'
import { CanaryTag } from './maintenance.tsx'

/** Which version the machines of a profile are moved to: a few first, then all, or back. */
export function RolloutCard({ profile, image }: { profile: string; image: string }) {
  const operator = useMay('operator')
  const [starting, { open, close }] = useDisclosure(false)
  const rollouts = useGet('listRollouts', { query: { limit: 200 } })
  const own = (rollouts.data?.items ?? []).filter((each) => each.profile === profile).slice(0, 10)
  return (
    <Card
      title="Rollouts"
      flush={own.length > 0}
      aside={
        operator && (
          <Button size="compact-xs" variant="default" leftSection={<IconRocket size={13} />} onClick={open}>
            Roll out a version
          </Button>
        )
      }
    >
      {own.length === 0 ? (
        <Text size="sm" c="dimmed">
          {image.includes('@')
            ? `Its machines have ${image}. Roll another version out, to a few of them first.`
            : `Its machines get the newest version of ${image} for each new overlay. Roll a version out to move them to it, a few first.`}
        </Text>
      ) : (
        <table className="rows">
          <thead>
            <tr>
              <th>Version</th>
              <th>State</th>
              <th className="wide">Begun</th>
              {operator && <ActionsHead />}
            </tr>
          </thead>
          <tbody>
            {own.map((rollout, at) => (
              <RolloutRow key={rollout.id} rollout={rollout} newest={at === 0} operator={operator} />
            ))}
          </tbody>
        </table>
      )}
      {starting && <StartRollout profile={profile} image={image} onClose={close} />}
    </Card>
  )
}

function RolloutRow({ rollout, newest, operator }: { rollout: Rollout; newest: boolean; operator: boolean }) {
  const change = useDo('changeRollout', {
    done: (now) =>
      now.state === 'all'
        ? `All machines of ${now.profile} get ${now.image}@${now.to}.`
        : `${now.profile} is back at ${now.image}@${now.from}.`,
  })
  const to = (state: 'all' | 'rolled-back') => change.mutate({ params: { rollout: rollout.id }, body: { state } })
  return (
    <tr>
      <td>
        {rollout.image}@{rollout.from} → <b style={{ fontWeight: 580 }}>@{rollout.to}</b>
      </td>
      <td>
        <Status look={ROLLOUT_LOOKS[rollout.state]}>
          {rollout.state === 'canary' ? `machines tagged ${rollout.canary ?? '?'}` : undefined}
        </Status>
      </td>
      <td className="wide soft">
        <Ago at={rollout.startedAt} /> by {rollout.startedBy}
      </td>
      {operator && (
        <td className="end" style={{ whiteSpace: 'nowrap' }}>
          {newest && rollout.state !== 'rolled-back' && (
            <Confirm
              title={`Back to ${rollout.image}@${rollout.from}?`}
              text={`Machines get @${rollout.from} again for each new overlay. Overlays over @${rollout.to} that are kept stay until they are reset; with them goes what was written to them.`}
              action="Roll back"
              keep={`Stay with @${rollout.to}`}
              onConfirm={() => to('rolled-back')}
            >
              {(ask) => (
                <Button size="compact-xs" variant="default" onClick={ask}>
                  Roll back
                </Button>
              )}
            </Confirm>
          )}{' '}
          {newest && rollout.state === 'canary' && (
            <Button size="compact-xs" loading={change.isPending} onClick={() => to('all')}>
              Go on to all
            </Button>
          )}
        </td>
      )}
    </tr>
  )
}

function StartRollout({ profile, image: reference, onClose }: { profile: string; image: string; onClose: () => void }) {
  const name = reference.replace(/@.*$/, '')
  const image = useGet('getImage', { params: { image: name } })
  const [version, setVersion] = useState<string | null>(null)
  const [first, setFirst] = useState(true)
  const [canary, setCanary] = useState('')
  const start = useDo('startRollout', {
    quiet: true,
    done: (made) => `${made.image}@${made.to} is rolled out.`,
    after: onClose,
  })
  const versions = (image.data?.versions ?? []).toReversed().map(({ number, note }) => ({
    value: String(number),
    label: `@${number}${note ? `  ${note}` : ''}`,
  }))
  return (
    <FormDialog
      title={`Roll a version of ${name} out`}
      action="Roll out"
      error={start.error}
      busy={start.isPending}
      disabled={!version || (first && !canary.trim())}
      onClose={onClose}
      onSend={() => start.mutate({ body: { profile, to: Number(version), canary: first ? canary.trim() : null } })}
    >
      <Text size="sm" c="dimmed">
        A machine gets it when its overlay is made anew: at its next boot where writes are dropped at every boot, else
        when it is reset.
      </Text>
      <Select
        label="Version"
        data={versions}
        value={version}
        error={fieldProblem(start.error, 'to')}
        onChange={setVersion}
        data-autofocus
      />
      <Switch
        label="First to a few machines"
        checked={first}
        onChange={(event) => setFirst(event.currentTarget.checked)}
      />
      {first && <CanaryTag value={canary} onChange={setCanary} />}
    </FormDialog>
  )
}
