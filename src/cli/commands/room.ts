import { all, type InputOf } from '../../api/client/client.ts'
import type { Machine } from '../../api/contract/machines.ts'
import type { Batch } from '../../api/contract/rooms.ts'
import { type CliCommand, type Common, group, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { batchTitle, countsText, finishBatch, machinesText } from '../follow-batch.ts'
import { facts, table } from '../table.ts'
import { ago } from '../units.ts'

type BatchOrder = NonNullable<InputOf<'startBatch'>['body']>
type Options = Common & {
  machines?: string
  stagger?: number
  profile?: string
  kick?: boolean
  wait?: boolean
  timeout?: number
}

/** What each action does to every machine of a room. */
const ACTIONS: Readonly<Record<Batch['action'], string>> = {
  on: 'switch machines on',
  off: 'switch machines off, hard',
  cycle: 'switch machines off and on again',
  soft: 'ask the systems of machines to shut down',
  reset: "drop machines' own writes to their diskless disks, now or at their next boot",
  boot: 'choose what machines boot by default',
  'boot-once': 'choose what machines boot the next time, once',
  switch: 'let machines boot a profile once, now: choose it, then power cycle',
}
/** In which states machines are told, those that need somebody first. */
const STATES = [
  'failed',
  'deploying',
  'discovered',
  'maintenance',
  'active',
  'ready',
  'retired',
] as const satisfies readonly Machine['state'][]
const WITH_PROFILE: readonly Batch['action'][] = ['boot', 'boot-once', 'switch']

export function namesOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim())
  if (names.some((name) => name === '')) throw new WrongUse('--machines is a list such as pc01,pc02,pc03')
  return names
}

function orderOf(action: Batch['action'], tag: string | undefined, options: Options): BatchOrder {
  if ((tag === undefined) === (options.machines === undefined))
    throw new WrongUse('name a room by its tag, or machines with --machines pc01,pc02')
  return {
    action,
    tag,
    machines: options.machines === undefined ? undefined : namesOf(options.machines),
    profile: options.profile,
    staggerSeconds: options.stagger,
    kick: options.kick,
  }
}

function example(action: Batch['action']): string[] {
  const profile = WITH_PROFILE.includes(action) ? ' --profile desktop' : ''
  if (action === 'on') return ['reveille room on front --stagger 5 --wait', 'reveille room on --machines pc01,pc02']
  return [`reveille room ${action} front${profile}`]
}

function batchText(batch: Batch, now: number, columns: number | undefined): string {
  const head = facts([
    ['id', batch.id],
    ['action', batchTitle(batch)],
    ['state', batch.state],
    ['machines', countsText(batch)],
    ['ordered', `${ago(batch.startedAt, now)} by ${batch.orderedBy}`],
    ['ended', ago(batch.endedAt, now)],
  ])
  return `${head}\n${machinesText(batch, columns)}`
}

export function roomCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const room = group(program, 'room', 'act on many machines: those with a tag, or those named')

  for (const action of Object.keys(ACTIONS) as Batch['action'][]) {
    const command = leaf(room, `${action} [tag]`, ACTIONS[action], example(action))
      .option('--machines <names>', 'these machines instead of those with a tag, as in pc01,pc02')
      .option('--stagger <seconds>', 'time between the starts of two machines', seconds)
    if (WITH_PROFILE.includes(action)) command.requiredOption('--profile <profile>', 'what they boot')
    if (action === 'reset')
      command
        .option('--profile <profile>', 'only the disks of this profile, also those with the policy keep')
        .option('--kick', 'end the sessions of machines that are on')
    command
      .option('--wait', 'follow it until it is over; status 1 if a machine failed')
      .option('--timeout <seconds>', 'with --wait: give up after this time, with status 1', seconds)
      .action(async (tag: string | undefined, options: Options) => {
        const order = orderOf(action, tag, options)
        const batch = await (await context.client()).startBatch({ body: order })
        if (options.wait) return finishBatch(context, batch, options)
        const machines = batch.total === 1 ? 'one machine' : `${batch.total} machines`
        show(
          context,
          options,
          batch,
          () => `${batch.id}: ${batchTitle(batch)} of ${machines} goes on; follow it: reveille room wait ${batch.id}\n`,
        )
      })
  }

  leaf(room, 'tags', 'the rooms: every tag with how many machines carry it, and in which states', [
    'reveille room tags',
    'reveille room tags --search cafe',
  ])
    .option('--search <text>', 'part of a tag')
    .action(async (options: Common & { search?: string }) => {
      const rooms = await all((await context.client()).listRooms, { query: { q: options.search } })
      show(context, options, rooms, () => {
        if (rooms.length === 0) return 'No machine has a tag. Give one: reveille machine set NAME --tag TAG\n'
        const told = (words: readonly string[], counts: Readonly<Record<string, number>>) =>
          words.flatMap((word) => (counts[word] ? [`${counts[word]} ${word}`] : [])).join(', ')
        const rows = rooms.map(({ tag, machines, states, boots, power }) => [
          tag,
          machines,
          told(STATES, states),
          told(['failed', 'stalled', 'running'], boots),
          told(['on', 'off', 'unknown'], power),
        ])
        return table(['tag', 'machines', 'states', 'boots', 'power'], rows, terminal.columns)
      })
    })

  leaf(room, 'list', 'list actions on many machines, the newest first', ['reveille room list']).action(
    async (options: Common) => {
      const batches = await all((await context.client()).listBatches)
      show(context, options, batches, () => {
        if (batches.length === 0) return 'Nothing was done with a room yet. For example: reveille room on TAG\n'
        const rows = batches.map((each) => [
          each.id,
          batchTitle(each),
          each.state,
          countsText(each),
          ago(each.startedAt, clock.now()),
          each.orderedBy,
        ])
        return table(['id', 'action', 'state', 'machines', 'ordered', 'by'], rows, terminal.columns)
      })
    },
  )

  leaf(room, 'show <batch>', 'show an action with how it went for each machine', ['reveille room show b_0123']).action(
    async (id: string, options: Common) => {
      const batch = await (await context.client()).getBatch({ params: { batch: id } })
      show(context, options, batch, () => batchText(batch, clock.now(), terminal.columns))
    },
  )

  leaf(room, 'wait <batch>', 'follow an action until it is over; status 1 if a machine failed', [
    'reveille room wait b_0123 --timeout 600',
  ])
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .action(async (id: string, options: Common & { timeout?: number }) =>
      finishBatch(context, await (await context.client()).getBatch({ params: { batch: id } }), options),
    )

  leaf(room, 'cancel <batch>', 'leave out the machines whose turn has not come', [
    'reveille room cancel b_0123',
  ]).action(async (id: string, options: Common) => {
    const batch = await (await context.client()).cancelBatch({ params: { batch: id } })
    show(context, options, batch, () => `${batch.id} is ${batch.state}: ${countsText(batch)}\n`)
  })
}
