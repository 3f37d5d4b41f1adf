import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../api/client/client.ts'
import type { VolumeJob } from '../api/contract/volumes.ts'
import { printable } from '../kit/printable.ts'
import { type Common, show } from './command.ts'
import type { Context } from './context.ts'
import { Unsuccessful } from './failure.ts'
import { NO_PROGRESS, type Progress, terminalProgress } from './progress.ts'
import { jobTitle } from './volume-text.ts'

const LOOK_MS = 500

/** Draws a bar until the job is over or `signal` fires, and returns the job as it was last seen. */
async function followJob(
  client: ApiClient,
  first: VolumeJob,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<VolumeJob> {
  let job = first
  let bar: ReturnType<Progress['begin']> | undefined
  try {
    while (job.state === 'running' && !signal.aborted) {
      // How much there is to do may be known only after a while.
      if (job.totalBytes > 0) bar ??= progress.begin(jobTitle(job), job.totalBytes)
      bar?.at(job.doneBytes)
      await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined)
      if (!signal.aborted) job = await client.getVolumeJob({ params: { job: job.id } })
    }
    if (job.state === 'succeeded') bar?.at(job.totalBytes)
    return job
  } finally {
    bar?.end()
  }
}

/** `--no-wait` of Commander is `wait: false`. */
export type Waiting = Common & { wait?: boolean }

/** Says what became of a job: at once with `--no-wait`, else when it is over. A job that failed is status 1. */
export async function finishJob(
  context: Context,
  first: VolumeJob,
  options: Waiting,
  done: (job: VolumeJob) => string,
): Promise<void> {
  const { terminal, interrupted } = context
  const progress = options.json ? NO_PROGRESS : terminalProgress(terminal)
  const job =
    options.wait === false ? first : await followJob(await context.client(), first, { progress, signal: interrupted })
  show(context, options, job, () => {
    if (job.state === 'running') return `${jobTitle(job)} goes on; see how far it is: reveille volume wait ${job.id}\n`
    return job.state === 'succeeded' ? `${printable(done(job))}\n` : ''
  })
  if (job.state === 'failed') throw new Unsuccessful(`${jobTitle(job)} failed: ${printable(job.detail)}`)
}

/** For people: what a job that succeeded has made. */
export function jobDone(job: VolumeJob): string {
  if (job.detail !== '') return `${job.volume}: ${job.detail}`
  return job.image ? `${job.image} is published` : `${jobTitle(job)} is done`
}
