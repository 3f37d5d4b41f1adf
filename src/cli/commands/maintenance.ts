import { all } from '../../api/client/client.ts'
import type { Maintenance, Rollout } from '../../api/contract/maintenance.ts'
import { type CliCommand, type Common, choice, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { finishJob, jobDone, type Waiting } from '../follow-job.ts'
import { table } from '../table.ts'
import { ago } from '../units.ts'

const OTHERS = ['keep', 'refuse'] as const satisfies readonly Maintenance['others'][]
const ROLLOUTS = ['none', 'canary', 'all'] as const

function rolloutSays({ profile, image, from, to, canary, state }: Rollout): string {
  switch (state) {
    case 'canary':
      return `machines with the tag ${canary} boot ${image}@${to} of ${profile}, all others ${image}@${from}`
    case 'all':
      return `all machines boot ${image}@${to} of ${profile}`
    case 'rolled-back':
      return `all machines boot ${image}@${from} of ${profile} again`
  }
}

function maintenanceCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const maintenance = group(program, 'maintenance', 'let one machine change the master of a diskless profile')

  leaf(maintenance, 'start <profile>', 'let a machine boot the newest version of the OS image writable', [
    'reveille maintenance start desktop --machine pc01',
    'reveille maintenance start desktop --machine pc01 --others refuse',
  ])
    .requiredOption('--machine <machine>', 'who boots it; switch it on or reboot it then')
    .addOption(
      choice('--others <how>', 'what other machines do: keep the version there is (if not given), or wait', OTHERS),
    )
    .action(async (profile: string, options: Common & { machine: string; others?: Maintenance['others'] }) => {
      const { machine, others } = options
      const made = await (await context.client()).startMaintenance({ body: { profile, machine, others } })
      show(
        context,
        options,
        made,
        () =>
          `${made.id}: ${made.machine} boots ${made.image}@${made.from} writable\nWhen it is ready and off: reveille maintenance publish ${made.profile}, or discard ${made.profile}\n`,
      )
    })

  leaf(maintenance, 'list', 'list masters that are being changed, and those that were', [
    'reveille maintenance list',
  ]).action(async (options: Common) => {
    const found = await all((await context.client()).listMaintenances)
    show(context, options, found, () => {
      if (found.length === 0) return 'No maintenance. Begin one: reveille maintenance start PROFILE --machine MACHINE\n'
      const rows = found.map((each) => [
        each.id,
        each.profile,
        each.machine,
        each.state,
        `${each.image}@${each.from}`,
        each.published === null ? '' : `${each.image}@${each.published}`,
        each.others,
        ago(each.startedAt, clock.now()),
        each.startedBy,
      ])
      const titles = ['id', 'profile', 'machine', 'state', 'from', 'published', 'others', 'began', 'by']
      return table(titles, rows, terminal.columns)
    })
  })

  leaf(
    maintenance,
    'publish <maintenance>',
    'make a version of what the machine changed, and roll it out; named by its id or its profile',
    ['reveille maintenance publish desktop --note "new drivers" --rollout canary --canary front'],
  )
    .option('--note <text>', 'what is new in this version')
    .addOption(choice('--rollout <how>', 'who boots it: none (if not given), machines with a tag, or all', ROLLOUTS))
    .option('--canary <tag>', 'machines that get it first')
    .option('--no-wait', 'begin it and end at once')
    .action(
      async (
        id: string,
        options: Waiting & { note?: string; rollout?: (typeof ROLLOUTS)[number]; canary?: string },
      ) => {
        const { note, canary } = options
        const rollout = options.rollout ?? (canary === undefined ? undefined : 'canary')
        if ((rollout === 'canary') !== (canary !== undefined))
          throw new WrongUse('--rollout canary and --canary TAG go together')
        const params = { maintenance: id }
        const job = await (await context.client()).publishMaintenance({ params, body: { note, rollout, canary } })
        await finishJob(context, job, options, jobDone)
      },
    )

  leaf(maintenance, 'discard <maintenance>', 'drop what the machine changed; the master stays as it was', [
    'reveille maintenance discard desktop',
  ]).action(async (id: string, options: Common) => {
    await (await context.client()).discardMaintenance({ params: { maintenance: id } })
    show(context, options, { discarded: id }, () => `${id} is discarded\n`)
  })
}

function rolloutCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const rollout = group(program, 'rollout', 'move a diskless profile from one image version to another')

  leaf(rollout, 'start <profile> <version>', 'let machines boot another version of the OS image', [
    'reveille rollout start desktop 4 --canary front',
  ])
    .option('--canary <tag>', 'first only machines with this tag; all if not given')
    .action(async (profile: string, version: string, options: Common & { canary?: string }) => {
      const to = /(?:^|@)([1-9]\d{0,8})$/.exec(version)?.[1]
      if (to === undefined) throw new WrongUse(`${JSON.stringify(version)} is no version; write its number, such as 4`)
      const body = { profile, to: Number(to), canary: options.canary }
      const made = await (await context.client()).startRollout({ body })
      show(context, options, made, () => `${made.id}: ${rolloutSays(made)}\n`)
    })

  leaf(rollout, 'list', 'list rollouts, the newest first', ['reveille rollout list']).action(
    async (options: Common) => {
      const found = await all((await context.client()).listRollouts)
      show(context, options, found, () => {
        if (found.length === 0) return 'No rollout. Begin one: reveille rollout start PROFILE VERSION\n'
        const rows = found.map((each) => [
          each.id,
          each.profile,
          each.image,
          each.from,
          each.to,
          each.state,
          each.canary,
          ago(each.updatedAt, clock.now()),
          each.startedBy,
        ])
        const titles = ['id', 'profile', 'image', 'from', 'to', 'state', 'canary', 'changed', 'by']
        return table(titles, rows, terminal.columns)
      })
    },
  )

  const change = (name: string, state: 'all' | 'rolled-back', summary: string) =>
    leaf(rollout, `${name} <rollout>`, summary, [`reveille rollout ${name} desktop`]).action(
      async (id: string, options: Common) => {
        const after = await (await context.client()).changeRollout({ params: { rollout: id }, body: { state } })
        show(context, options, after, () => `${after.id}: ${rolloutSays(after)}\n`)
      },
    )
  change('go-on', 'all', 'from the canary machines to all')
  change('back', 'rolled-back', 'back to the version before, for all machines')
}

export function masterCommands(program: CliCommand, context: Context): void {
  maintenanceCommands(program, context)
  rolloutCommands(program, context)
}
