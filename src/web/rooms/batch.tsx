import { Button, Progress } from '@mantine/core'
import { IconBan, IconCircleCheck, IconCircleDashed, IconCircleX, IconLoader2 } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Batch } from '../../api/contract/rooms.ts'
import { useMay } from '../api/me.tsx'
import { useDo, useGet } from '../api/use.ts'
import { Listing, useList } from '../parts/listing.tsx'
import { Card, Empty, Page, ProblemNote } from '../parts/page.tsx'
import { type Look, Status } from '../parts/status.tsx'
import { ActionsHead } from '../parts/table.tsx'
import { Ago } from '../parts/time.tsx'
import { OrderBatch } from './order.tsx'
import style from './rooms.module.css'
import { batchSentence, batchTitle, failures, tally } from './words.ts'

const MACHINE_LOOKS: Readonly<Record<Batch['machines'][number]['state'], Look>> = {
  waiting: ['calm', IconCircleDashed, 'waiting'],
  running: ['busy', IconLoader2, 'running'],
  succeeded: ['good', IconCircleCheck, 'done'],
  failed: ['bad', IconCircleX, 'failed'],
  skipped: ['calm', IconBan, 'left out'],
}

function look(batch: Batch): Look {
  if (batch.state === 'running') return ['busy', IconLoader2, 'running']
  if (batch.state === 'cancelled') return ['calm', IconBan, 'cancelled']
  return batch.failed > 0 ? ['bad', IconCircleX, `${batch.failed} failed`] : ['good', IconCircleCheck, 'done']
}

/** A batch that somebody started or was sent the address of. */
export function FollowedBatch({ id, onChange }: { id: string; onChange: (batch: string | undefined) => void }) {
  const batch = useGet(
    'getBatch',
    { params: { batch: id } },
    { refetchMs: (data) => (data?.state === 'running' ? 2000 : false) },
  )
  if (batch.data) return <BatchPanel batch={batch.data} onClose={() => onChange(undefined)} onAgain={onChange} />
  return batch.error ? <ProblemNote error={batch.error} /> : null
}

/** How far an action on many machines is; those that failed with the reason, to be tried again. `onAgain`: a new batch was started for them. */
export function BatchPanel(props: { batch: Batch; onClose?: () => void; onAgain?: (batch: string) => void }) {
  const { batch, onClose } = props
  const operator = useMay('operator')
  const [again, setAgain] = useState(false)
  const failed = batch.machines.filter(({ state }) => state === 'failed').map(({ machine }) => machine)
  const cancel = useDo('cancelBatch', { done: () => 'Machines whose turn has not come are left out.' })
  return (
    <Card
      title={batchTitle(batch)}
      beside={<Status look={look(batch)} />}
      aside={
        <>
          {operator && batch.state === 'running' && (
            <Button
              size="compact-xs"
              variant="default"
              loading={cancel.isPending}
              onClick={() => cancel.mutate({ params: { batch: batch.id } })}
            >
              Leave out the rest
            </Button>
          )}
          {operator && batch.state !== 'running' && failed.length > 0 && props.onAgain && (
            <Button size="compact-xs" variant="default" onClick={() => setAgain(true)}>
              Try again for {failed.length === 1 ? failed[0] : `the ${failed.length} that failed`}
            </Button>
          )}
          {onClose && batch.state !== 'running' && (
            <Button size="compact-xs" variant="default" onClick={onClose}>
              Close
            </Button>
          )}
        </>
      }
    >
      <BatchProgress batch={batch} />
      {again && (
        <OrderBatch
          action={batch.action}
          profile={batch.profile}
          crowd={{ tag: null, total: failed.length, chosen: failed.map((name) => ({ id: name, name })) }}
          onClose={() => setAgain(false)}
          onStarted={props.onAgain ?? (() => undefined)}
        />
      )}
    </Card>
  )
}

/** How many of the machines of one reason are named at once. */
const NAMED = 12

function BatchProgress({ batch }: { batch: Batch }) {
  const part = (n: number) => (batch.total > 0 ? (100 * n) / batch.total : 0)
  const failed = failures(batch)
  const states = tally(batch)
  return (
    <>
      <Progress.Root size="md" aria-label={batchTitle(batch)}>
        <Progress.Section value={part(states.succeeded)} color="teal" />
        <Progress.Section value={part(states.failed)} color="red.7" />
      </Progress.Root>
      <div className="soft figures" style={{ marginTop: 4 }} role="status">
        {batchSentence(batch)} Ordered <Ago at={batch.startedAt} /> by {batch.orderedBy}.
      </div>
      {failed.length > 0 && (
        <ul className={style.failed} aria-label="What failed">
          {failed.map(({ detail, machines }) => (
            <li key={detail}>
              <Names machines={machines} />: {detail}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function Names({ machines }: { machines: readonly string[] }) {
  const [all, setAll] = useState(false)
  const shown = all ? machines : machines.slice(0, NAMED)
  return (
    <>
      {shown.map((machine, at) => (
        <span key={machine}>
          {at > 0 && ', '}
          <Link to="/machines/$machine" params={{ machine }}>
            {machine}
          </Link>
        </span>
      ))}
      {shown.length < machines.length && (
        <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
          and {machines.length - shown.length} more
        </Button>
      )}
    </>
  )
}

/** What was done with many machines at once, the newest first. */
export function BatchesPage() {
  const batches = useList(
    'listBatches',
    {},
    { limit: 20, refetchMs: (page) => (page?.items.some(({ state }) => state === 'running') ? 2000 : false) },
  )
  const [open, setOpen] = useState<string | null>(null)
  return (
    <Page
      title="Batches"
      lead="What was done with many machines at once, and how each of them went."
      actions={
        <Button variant="default" renderRoot={(props) => <Link to="/rooms" {...props} />}>
          Rooms
        </Button>
      }
    >
      <Card flush label="Batches">
        <Listing
          list={batches}
          head={
            <>
              <th>What</th>
              <th>State</th>
              <th className="end">Done</th>
              <th className="end">Failed</th>
              <th className="wide">By</th>
              <th className="wide">Ordered</th>
              <ActionsHead word="Machines" />
            </>
          }
          empty={
            <Empty title="Nothing was done with many machines yet">
              Open a <Link to="/rooms">room</Link>, choose machines, and switch, start or reset them together.
            </Empty>
          }
        >
          {(batch) => (
            <BatchRow
              key={batch.id}
              batch={batch}
              opened={open === batch.id}
              toggle={() => setOpen(open === batch.id ? null : batch.id)}
            />
          )}
        </Listing>
      </Card>
    </Page>
  )
}

function BatchRow({ batch, opened, toggle }: { batch: Batch; opened: boolean; toggle: () => void }) {
  return (
    <>
      <tr>
        <td>
          <b style={{ fontWeight: 580 }}>{batchTitle(batch)}</b>
        </td>
        <td>
          <Status look={look(batch)} />
        </td>
        <td className="end figures">
          {tally(batch).succeeded} of {batch.total}
        </td>
        <td className="end figures" data-label={batch.failed ? 'failed' : undefined}>
          {batch.failed || ''}
        </td>
        <td className="wide">{batch.orderedBy}</td>
        <td className="wide soft">
          <Ago at={batch.startedAt} />
        </td>
        <td className="end">
          <Button size="compact-xs" variant="default" onClick={toggle} aria-expanded={opened}>
            {opened ? 'Close' : 'Machines'}
          </Button>
        </td>
      </tr>
      {opened && (
        <tr>
          <td colSpan={7}>
            <BatchProgress batch={batch} />
            <BatchMachines machines={batch.machines} />
          </td>
        </tr>
      )}
    </>
  )
}

const MOST = 200

function BatchMachines({ machines }: { machines: Batch['machines'] }) {
  return (
    <div style={{ display: 'flex', flexWrap: 'wrap', gap: '0.3rem', marginTop: '0.5rem' }}>
      {machines.slice(0, MOST).map(({ machine, state, detail }) => (
        <Status key={machine} look={MACHINE_LOOKS[state]} hint={detail || MACHINE_LOOKS[state][2]}>
          {machine}
        </Status>
      ))}
      {machines.length > MOST && <span className="soft">and {machines.length - MOST} more</span>}
    </div>
  )
}
