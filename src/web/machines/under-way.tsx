import { Link } from '@tanstack/react-router'
import { useGet } from '../api/use.ts'
import { isOpen, orderOf } from '../deployments/words.ts'
import { Meter } from '../parts/meter.tsx'
import { Card } from '../parts/page.tsx'
import { DeploymentState } from '../parts/status.tsx'
import { count } from '../parts/words.ts'

/** The deployment that a machine is busy with, whatever else its page shows. Nothing while there is none. */
export function UnderWay({ machine }: { machine: string }) {
  const list = useGet(
    'listMachineDeployments',
    { params: { machine }, query: { limit: 50 } },
    { refetchMs: (page) => (page?.items.some(isOpen) ? 1000 : false) },
  )
  const open = (list.data?.items ?? []).filter(isOpen)
  // Newest first: the one that is due is the last.
  const due = open.at(-1)
  if (!due) return null
  const { progress } = due
  return (
    <Card
      title={
        <Link to="/deployments/$deployment" params={{ deployment: due.id }}>
          {orderOf(due)}
        </Link>
      }
      beside={
        <>
          <DeploymentState state={due.state} />
          <span className="soft">{due.reason}</span>
        </>
      }
      aside={open.length > 1 && <span className="soft">{count(open.length - 1, 'more', 'more')} waiting</span>}
    >
      {progress ? (
        <Meter
          doing={progress.phase}
          label={progress.phase}
          done={progress.doneBytes}
          of={progress.totalBytes}
          bytesPerSecond={progress.bytesPerSecond}
          secondsLeft={progress.secondsLeft}
        />
      ) : (
        <span className="soft">{due.next || 'Waiting for the machine.'}</span>
      )}
    </Card>
  )
}
