import { Button, Drawer } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import type { VolumeJob } from '../../api/contract/volumes.ts'
import { useGet } from '../api/use.ts'
import { Listing, useList } from '../parts/listing.tsx'
import { Meter } from '../parts/meter.tsx'
import { Card, Empty } from '../parts/page.tsx'
import { Status } from '../parts/status.tsx'
import { Ago } from '../parts/time.tsx'
import { bytes } from '../parts/words.ts'
import { JOB_LOOKS } from './looks.tsx'
import style from './volumes.module.css'
import { jobTitle } from './words.ts'

const isRunning = (job: VolumeJob) => job.state === 'running'

/** The newest long work, asked often while any runs. */
function useJobs() {
  return useGet(
    'listVolumeJobs',
    { query: { limit: 50 } },
    { refetchMs: (page) => (page?.items.some(isRunning) ? 1000 : false) },
  )
}

/** What runs now on any volume; nothing while nothing does. */
export function JobsUnderWay() {
  const jobs = useJobs()
  const [opened, { open, close }] = useDisclosure(false)
  const running = (jobs.data?.items ?? []).filter(isRunning)
  return (
    <>
      {running.length > 0 && (
        <Card
          title="Under way"
          aside={
            <Button size="compact-xs" variant="default" onClick={open}>
              All jobs
            </Button>
          }
        >
          <div className={style.jobs}>
            {running.slice(0, 4).map((job) => (
              <JobMeter key={job.id} job={job} />
            ))}
            {running.length > 4 && <span className="soft">and {running.length - 4} more</span>}
          </div>
        </Card>
      )}
      <Drawer opened={opened} onClose={close} title="Long work on volumes" size="lg">
        {opened && <JobList />}
      </Drawer>
    </>
  )
}

/** What runs or went wrong last on one volume. */
export function VolumeJobs({ volume }: { volume: { id: string; name: string } }) {
  const jobs = useJobs()
  const [opened, { open, close }] = useDisclosure(false)
  const own = (jobs.data?.items ?? []).filter((job) => job.volume === volume.name || job.volume === volume.id)
  const newest = own[0]
  const shown = own.filter((job) => isRunning(job) || job === newest)
  if (!newest) return null
  return (
    <Card
      title="Jobs"
      aside={
        own.length > shown.length && (
          <Button size="compact-xs" variant="default" onClick={open}>
            All {own.length}
          </Button>
        )
      }
    >
      <div className={style.jobs}>
        {shown.map((job) => (
          <JobMeter key={job.id} job={job} />
        ))}
      </div>
      <Drawer opened={opened} onClose={close} title={`Long work on ${volume.name}`} size="lg">
        <div className={style.jobs}>
          {own.map((job) => (
            <JobMeter key={job.id} job={job} />
          ))}
        </div>
      </Drawer>
    </Card>
  )
}

export function JobMeter({ job }: { job: VolumeJob }) {
  if (isRunning(job))
    return (
      <Meter
        doing={jobTitle(job)}
        label={jobTitle(job)}
        done={job.doneBytes}
        of={job.totalBytes}
        more={job.detail || undefined}
      />
    )
  return (
    <div>
      <Status look={JOB_LOOKS[job.state]} /> {jobTitle(job)}{' '}
      <span className="soft">
        <Ago at={job.endedAt ?? job.startedAt} />
        {job.state === 'succeeded' && job.totalBytes > 0 && ` · ${bytes(job.totalBytes)}`}
      </span>
      {job.detail && <div className={job.state === 'failed' ? undefined : 'soft'}>{job.detail}</div>}
      {job.image && (
        <Link to="/images/$image" params={{ image: job.image.replace(/@.*$/, '') }}>
          Show {job.image}
        </Link>
      )}
    </div>
  )
}

function JobList() {
  const jobs = useList(
    'listVolumeJobs',
    {},
    { limit: 25, refetchMs: (page) => (page?.items.some(isRunning) ? 1000 : false) },
  )
  return (
    <Listing
      list={jobs}
      head={<th>Job</th>}
      empty={
        <Empty title="Nothing was published, dumped or restored yet">
          Open a volume and choose Publish to make an image version of it.
        </Empty>
      }
    >
      {(job) => (
        <tr key={job.id}>
          <td>
            <JobMeter job={job} />
          </td>
        </tr>
      )}
    </Listing>
  )
}
