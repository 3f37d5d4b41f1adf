import { Progress } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import type { Deployment } from '../../api/contract/deployments.ts'
import { DeploymentState } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes, left } from '../parts/words.ts'
import { aheadText, isOpen, orderOf } from './words.ts'

export function DeploymentHead({ machine }: { machine?: boolean }) {
  return (
    <>
      <th>Order</th>
      {machine && <th>Machine</th>}
      <th>State</th>
      <th style={{ width: '34%' }}>How it goes</th>
      <th className="wide">By</th>
      <th className="wide">Ordered</th>
      <th className="widest">Ended</th>
    </>
  )
}

/** One deployment in a list. */
export function DeploymentRow({ deployment, machine }: { deployment: Deployment; machine?: boolean }) {
  return (
    <tr>
      <td>
        <Link to="/deployments/$deployment" params={{ deployment: deployment.id }} className="name">
          {orderOf(deployment)}
        </Link>
      </td>
      {machine && (
        <td>
          <Link to="/machines/$machine" params={{ machine: deployment.machine }}>
            {deployment.machine}
          </Link>
        </td>
      )}
      <td>
        <DeploymentState state={deployment.state} />
      </td>
      <td>
        <HowItGoes deployment={deployment} />
      </td>
      <td className="wide">{deployment.orderedBy}</td>
      <td className="wide soft">
        <Ago at={deployment.createdAt} />
      </td>
      <td className="widest soft">{deployment.endedAt ? <Ago at={deployment.endedAt} /> : ''}</td>
    </tr>
  )
}

function HowItGoes({ deployment }: { deployment: Deployment }) {
  const { progress, reason, state, ahead } = deployment
  if (state === 'queued') return <span className="soft">{reason || aheadText(ahead)}</span>
  if (progress && isOpen(deployment) && progress.totalBytes > 0)
    return (
      <div>
        <div className="soft figures" style={{ fontSize: '0.75rem' }}>
          {progress.phase} · {bytes(progress.bytesPerSecond)}/s
          {progress.secondsLeft !== null && ` · ${left(progress.secondsLeft)}`}
        </div>
        <Progress
          size="sm"
          mt={2}
          value={(100 * progress.doneBytes) / progress.totalBytes}
          aria-label={`${orderOf(deployment)}: ${progress.phase}`}
        />
      </div>
    )
  return (
    <span className="soft" style={{ overflowWrap: 'anywhere' }}>
      {reason}
    </span>
  )
}
