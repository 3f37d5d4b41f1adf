import { Button, Group, Modal } from '@mantine/core'
import { IconPrinter } from '@tabler/icons-react'
import type { Deployment } from '../../api/contract/deployments.ts'
import { clock } from '../parts/words.ts'
import style from './certificate.module.css'
import { resultRows } from './result.ts'

/** What was wiped, how, and how it was checked: a page to print and keep. */
export function Certificate(props: { task: Deployment['tasks'][number]; deployment: Deployment; onClose: () => void }) {
  const { task, deployment, onClose } = props
  const { means, doesNotMean, startedAt, endedAt, ...figures } = task.result ?? {}
  const rows: [string, string][] = [
    ['Name', deployment.machine],
    ['Task', task.what],
    ['State', task.state === 'done' ? 'wiped' : 'not wiped'],
    ['In words', task.summary],
    ...resultRows(figures),
    ['Begun', time(startedAt ?? task.startedAt)],
    ['Ended', time(endedAt ?? task.endedAt)],
    ['Ordered by', deployment.orderedBy],
    ['Deployment', deployment.id],
  ]
  return (
    <Modal opened onClose={onClose} size="lg" title="Certificate" classNames={{ content: style.sheet ?? '' }}>
      <div className={style.certificate}>
        <h2>{task.state === 'done' ? 'Certificate of a wiped disk' : 'Record of a wipe that failed'}</h2>
        <dl className="pairs">
          {rows.map(([name, value]) => (
            <div key={name} style={{ display: 'contents' }}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {typeof means === 'string' && <p>What this means: {means}</p>}
        {typeof doesNotMean === 'string' && <p>What it does not mean: {doesNotMean}</p>}
        <p className="soft">
          Told by Reveille from what the management OS on the machine reported. It is a record, and no substitute for
          the destruction of a disk where rules ask for that.
        </p>
      </div>
      <Group justify="flex-end" gap="xs" className={style.noPrint ?? ''}>
        <Button variant="default" onClick={onClose}>
          Close
        </Button>
        <Button leftSection={<IconPrinter size={15} />} onClick={() => print()}>
          Print
        </Button>
      </Group>
    </Modal>
  )
}

const time = (at: unknown) => (typeof at === 'string' || typeof at === 'number' ? clock(at) : '–')
