import { Button } from '@mantine/core'
import { IconCircleX, IconLockOpen } from '@tabler/icons-react'
import { Link, useParams } from '@tanstack/react-router'
import type { Deployment } from '../../api/contract/deployments.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Code } from '../parts/copy.tsx'
import { Meter } from '../parts/meter.tsx'
import { Notice } from '../parts/notice.tsx'
import { Card, Columns, Facts, Loaded, Page } from '../parts/page.tsx'
import { DEPLOYMENT_LOOKS, DeploymentState } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, clock } from '../parts/words.ts'
import style from './deployments.module.css'
import { LogView } from './log-view.tsx'
import { Tasks } from './tasks.tsx'
import { aheadText, cancelMeans, isOpen, orderOf, RELEASE_WORDS, releaseMeans, savedText, wayOf } from './words.ts'

export function DeploymentPage() {
  const { deployment: id } = useParams({ from: '/deployments/$deployment' })
  const deployment = useGet(
    'getDeployment',
    { params: { deployment: id } },
    { refetchMs: (data) => (data && isOpen(data) ? 1000 : false) },
  )
  if (deployment.data) return <DeploymentView deployment={deployment.data} />
  return (
    <Page title="Deployment">
      <Loaded query={deployment}>{() => null}</Loaded>
    </Page>
  )
}

function DeploymentView({ deployment }: { deployment: Deployment }) {
  const open = isOpen(deployment)
  return (
    <Page
      title={`${orderOf(deployment)} on ${deployment.machine}`}
      beside={<DeploymentState state={deployment.state} />}
      actions={<Actions deployment={deployment} />}
    >
      <Columns aside={<About deployment={deployment} />}>
        <Standing deployment={deployment} />
        {deployment.tasks.length > 0 && <Tasks deployment={deployment} />}
        <LogView key={deployment.id} deployment={deployment.id} live={open} />
      </Columns>
    </Page>
  )
}

/** Why it is where it is and what to do, the way it goes, and how far it is. */
function Standing({ deployment }: { deployment: Deployment }) {
  const { progress, state, reason, next, ahead, deadlineAt } = deployment
  const open = isOpen(deployment)
  const ended = state === 'failed' || state === 'cancelled'
  const said = (
    <>
      {next && <p className={style.next}>{next}</p>}
      {deployment.dirty && state !== 'succeeded' && (
        <p className={style.next}>
          Its disk is written only in part: {deployment.machine} is not booted from it before all of it is.
        </p>
      )}
    </>
  )
  return (
    <Card label="How it goes">
      <div style={{ display: 'grid', gap: '0.8rem' }} aria-live="polite" aria-atomic="false">
        {state === 'failed' ? (
          <Notice tone="bad" title={reason || 'It failed'}>
            {said}
          </Notice>
        ) : (
          <div>
            <p className={style.reason}>
              {reason || (state === 'queued' ? aheadText(ahead) : DEPLOYMENT_LOOKS[state][2])}
            </p>
            {said}
          </div>
        )}
        {!ended && (
          <ol className={style.way} aria-label="The way of a deployment">
            {wayOf(deployment).map(({ state: each, at }) => (
              <li key={each} data-at={at} aria-current={at === 'now' ? 'step' : undefined}>
                {each}
              </li>
            ))}
          </ol>
        )}
        {open && progress && (
          <Meter
            doing={progress.phase}
            label={progress.phase}
            done={progress.doneBytes}
            of={progress.totalBytes}
            bytesPerSecond={progress.bytesPerSecond}
            secondsLeft={progress.secondsLeft}
            more={
              <>
                {savedText(progress)} · heard <Ago at={progress.at} />
              </>
            }
          />
        )}
        {open && deadlineAt && state !== 'queued' && (
          <div className="soft" style={{ fontSize: '0.75rem' }}>
            Unless something is heard, this step is given up <Ago at={deadlineAt} />.
          </div>
        )}
      </div>
    </Card>
  )
}

function Actions({ deployment }: { deployment: Deployment }) {
  const user = useMay('user')
  const params = { deployment: deployment.id }
  const cancel = useDo('cancelDeployment', { done: (now) => now.reason || 'It is cancelled.' })
  const release = useDo('releaseDeployment', { done: () => `${deployment.machine} is given back.` })
  if (!user) return null
  const reserved =
    deployment.state === 'succeeded' &&
    deployment.reservedUntil !== null &&
    new Date(deployment.reservedUntil).getTime() > Date.now()
  return (
    <>
      {reserved && (
        <Confirm
          title="End the reserved time now?"
          text={releaseMeans(deployment)}
          action="Give the machine back"
          onConfirm={() => release.mutate({ params })}
        >
          {(ask) => (
            <Button
              variant="default"
              leftSection={<IconLockOpen size={15} />}
              loading={release.isPending}
              onClick={ask}
            >
              Release
            </Button>
          )}
        </Confirm>
      )}
      {isOpen(deployment) && (
        <Confirm
          title={`Cancel: ${orderOf(deployment)}?`}
          text={cancelMeans(deployment)}
          action="Cancel it"
          keep="Let it go on"
          onConfirm={() => cancel.mutate({ params })}
        >
          {(ask) => (
            <Button variant="default" leftSection={<IconCircleX size={15} />} loading={cancel.isPending} onClick={ask}>
              Cancel
            </Button>
          )}
        </Confirm>
      )}
    </>
  )
}

function About({ deployment }: { deployment: Deployment }) {
  const { action, arm } = deployment
  return (
    <Card title="Order">
      <Facts
        rows={[
          [
            'Machine',
            <Link
              key="machine"
              to="/machines/$machine"
              params={{ machine: deployment.machine }}
              search={{ tab: 'deployments' }}
            >
              {deployment.machine}
            </Link>,
          ],
          [
            'Profile',
            action.kind === 'install' && (
              <Link key="profile" to="/profiles">
                {action.profile}
              </Link>
            ),
          ],
          [
            'Image',
            action.kind === 'capture' && (
              <Link key="image" to="/images/$image" params={{ image: action.image }}>
                {action.image}
              </Link>
            ),
          ],
          ['Method', action.kind === 'wipe' && action.method],
          ['Note', action.kind === 'capture' && action.note],
          [
            'Armed',
            arm.length > 0 ? (
              arm.map(({ disk, bytes: size }) => (
                <div key={disk}>
                  <Code copy>{disk}</Code>
                  {size !== null && <span className="soft"> {bytes(size)}</span>}
                </div>
              ))
            ) : (
              <span key="none" className="soft">
                no disk
              </span>
            ),
          ],
          [
            'Reserved',
            deployment.reservedUntil && (
              <span key="until">
                until {clock(deployment.reservedUntil)}, then {RELEASE_WORDS[deployment.release]}
              </span>
            ),
          ],
          ['Told to', [deployment.notify.email, deployment.notify.webhook].filter(Boolean).join(', ')],
          ['Ordered by', deployment.orderedBy],
          ['Ordered', <Ago key="ordered" at={deployment.createdAt} />],
          ['Begun', deployment.startedAt && <Ago key="begun" at={deployment.startedAt} />],
          ['Ended', deployment.endedAt && <Ago key="ended" at={deployment.endedAt} />],
          ['Attempts', deployment.attempts > 1 && deployment.attempts],
        ]}
      />
    </Card>
  )
}
