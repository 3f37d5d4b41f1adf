import { all } from '../../api/client/client.ts'
import { type CliCommand, type Common, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { finishJob, jobDone, type Waiting } from '../follow-job.ts'
import { jobsText } from '../volume-text.ts'
import { readContent } from './volume-reference.ts'

const NO_WAIT = 'begin it and end at once; see how far it is with: reveille volume wait JOB'

export function volumeJobCommands(volume: CliCommand, context: Context): void {
  leaf(
    volume,
    'publish <volume> <image>',
    'make a version of an image of what a volume holds; only what changed is added',
    [
      'reveille volume publish work debian --note "with drivers"',
      'reveille volume publish work@clean debian --no-wait',
    ],
  )
    .option('--snapshot <snapshot>', 'of what it held then; also written NAME@SNAPSHOT')
    .option('--note <text>', 'what is new in this version')
    .option('--no-wait', NO_WAIT)
    .action(async (reference: string, image: string, options: Waiting & { snapshot?: string; note?: string }) => {
      const { volume: name, snapshot } = readContent(reference, options.snapshot)
      const body = { image, snapshot, note: options.note }
      const job = await (await context.client()).publishVolume({ params: { volume: name }, body })
      await finishJob(context, job, options, jobDone)
    })

  leaf(volume, 'dump <volume> <name>', "write what a volume holds to a file in the server's export folder", [
    'reveille volume dump work work.img --replace',
  ])
    .option('--snapshot <snapshot>', 'what it held then; also written NAME@SNAPSHOT')
    .option('--replace', 'also when a file of this name is there')
    .option('--no-wait', NO_WAIT)
    .action(async (reference: string, file: string, options: Waiting & { snapshot?: string; replace?: boolean }) => {
      const { volume: name, snapshot } = readContent(reference, options.snapshot)
      const body = { file, snapshot, replace: options.replace }
      const job = await (await context.client()).dumpVolume({ params: { volume: name }, body })
      await finishJob(context, job, options, jobDone)
    })

  leaf(volume, 'restore <volume> <name>', "replace what a volume holds by a file of the server's export folder", [
    'reveille volume restore work work.img',
  ])
    .option('--no-wait', NO_WAIT)
    .action(async (name: string, file: string, options: Waiting) => {
      const job = await (await context.client()).restoreVolume({ params: { volume: name }, body: { file } })
      await finishJob(context, job, options, jobDone)
    })

  leaf(volume, 'jobs', 'what is and was published, dumped and restored, the newest first', [
    'reveille volume jobs',
  ]).action(async (options: Common) => {
    const jobs = await all((await context.client()).listVolumeJobs)
    show(context, options, jobs, () => jobsText(jobs, context.clock.now(), context.terminal.columns))
  })

  leaf(volume, 'wait <job>', 'follow a job until it is over; status 1 unless it succeeded', [
    'reveille volume wait j_0123',
  ]).action(async (id: string, options: Common) => {
    const job = await (await context.client()).getVolumeJob({ params: { job: id } })
    await finishJob(context, job, options, jobDone)
  })
}
