import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconCertificate } from '@tabler/icons-react'
import type { Deployment } from '../../api/contract/deployments.ts'
import { Card } from '../parts/page.tsx'
import { Status, TASK_LOOKS } from '../parts/status.tsx'
import { span } from '../parts/words.ts'
import { Certificate } from './certificate.tsx'
import style from './deployments.module.css'
import { resultRows } from './result.ts'

type Task = Deployment['tasks'][number]

/** What is done on the machine, one after the other, and what came of it. */
export function Tasks({ deployment }: { deployment: Deployment }) {
  return (
    <Card title="What is done" flush>
      <table className="rows">
        <thead>
          <tr>
            <th>Task</th>
            <th>State</th>
            <th>What came of it</th>
            <th className="end wide">Took</th>
          </tr>
        </thead>
        <tbody>
          {deployment.tasks.map((task) => (
            <TaskRow key={task.id} task={task} deployment={deployment} />
          ))}
        </tbody>
      </table>
    </Card>
  )
}

function TaskRow({ task, deployment }: { task: Task; deployment: Deployment }) {
  const [certificate, { open, close }] = useDisclosure(false)
  const rows = task.kind === 'wipe' ? [] : resultRows(task.result)
  return (
    <tr className={style.task}>
      <td>{task.what}</td>
      <td>
        <Status look={TASK_LOOKS[task.state]} bare />
      </td>
      <td style={{ overflowWrap: 'anywhere' }}>
        {task.summary}
        {rows.length > 0 && (
          <details>
            <summary className="soft">Figures</summary>
            <dl className="pairs" style={{ fontSize: '0.78rem' }}>
              {rows.map(([name, value]) => (
                <div key={name} style={{ display: 'contents' }}>
                  <dt>{name}</dt>
                  <dd>{value}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
        {task.kind === 'wipe' && task.endedAt && task.result && (
          <div>
            <Button size="compact-xs" variant="default" leftSection={<IconCertificate size={13} />} onClick={open}>
              {task.state === 'done' ? 'Certificate' : 'Record'}
            </Button>
            {certificate && <Certificate task={task} deployment={deployment} onClose={close} />}
          </div>
        )}
      </td>
      <td className="end wide figures soft">
        {task.startedAt && task.endedAt
          ? span(new Date(task.endedAt).getTime() - new Date(task.startedAt).getTime())
          : ''}
      </td>
    </tr>
  )
}
