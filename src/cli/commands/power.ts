import { Argument } from 'commander'
import { type ApiClient, all } from '../../api/client/client.ts'
import type { PowerStatus } from '../../api/contract/power.ts'
import { type CliCommand, type Common, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { finishBatch } from '../follow-batch.ts'
import { table } from '../table.ts'
import { ago } from '../units.ts'
import { namesOf } from './room.ts'

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft', 'diag'] as const
type Action = (typeof POWER_ACTIONS)[number]

type Options = Common & {
  driver?: string
  cached?: boolean
  wait?: number
  tag?: string
  machines?: string
  stagger?: number
  timeout?: number
}

/** What one order does to many machines. The others are too rare, or say nothing of whether they worked. */
const FOR_MANY = ['on', 'off', 'cycle', 'soft'] as const

/** What is so, what was not seen though it was ordered, and what did not work on the way. */
function statusText(machine: string, status: PowerStatus, action: Action | undefined): string {
  const state = status.state === 'unknown' ? 'in an unknown state' : status.state
  const lines = [`${machine} is ${state} (${status.driver})`]
  if (status.confirmed === false) lines.push(`${action} was accepted, but it was not seen to happen`)
  const { steps = [], problems } = status
  const last = steps.at(-1)
  // Some restart faster than anybody can look, and some only say so.
  if (status.confirmed === null && last && steps.length === 1 && (action === 'cycle' || action === 'reset'))
    lines.push(`${action} was accepted by ${last.driver}; ${last.said}`)
  if (steps.length > 1) for (const step of steps) lines.push(`${step.action} by ${step.driver}: ${step.said}`)
  // What the steps say already is not said again.
  const isNew = ({ cause }: PowerStatus['problems'][number]) =>
    steps.length < 2 || steps.every(({ said }) => !cause.includes(said))
  for (const { driver, cause } of problems.filter(isNew)) lines.push(`driver ${driver}: ${cause}`)
  return `${lines.join('\n')}\n`
}

/** How old a reading is; it is shown as it was. */
const readText = ({ checkedAt }: PowerStatus, now: number) => `read ${ago(checkedAt, now)}\n`

async function showReadings(context: Context, options: Options, client: ApiClient): Promise<void> {
  const { tag } = options
  const named = options.machines === undefined ? undefined : namesOf(options.machines)
  const found = await all(client.listPower, { query: { tag } })
  const readings = named === undefined ? found : found.filter(({ name }) => named.includes(name))
  show(context, options, readings, () => {
    const rows = readings.map(({ name, state, driver, readAt, problem, score }) => [
      name,
      state,
      driver,
      readAt === null ? 'never' : ago(readAt, context.clock.now()),
      score === null ? '' : `${score} %`,
      problem,
    ])
    return table(['machine', 'power', 'driver', 'read', 'health', 'problem'], rows, context.terminal.columns)
  })
}

/** The order for one machine after the other, followed to its end. */
async function switchMany(context: Context, options: Options, action: Action): Promise<void> {
  const { driver, wait, cached, tag, machines, stagger } = options
  if (driver !== undefined || wait !== undefined || cached)
    throw new WrongUse('--driver, --wait and --cached go with one machine')
  const known = FOR_MANY.find((each) => each === action)
  if (!known) throw new WrongUse(`many machines at once take ${FOR_MANY.join(', ')}; ${action} goes to one machine`)
  const named = machines === undefined ? undefined : namesOf(machines)
  const body = { action: known, tag, machines: named, staggerSeconds: stagger }
  await finishBatch(context, await (await context.client()).startBatch({ body }), options)
}

export function powerCommands(program: CliCommand, context: Context): void {
  leaf(program, 'power', 'read or switch the power of machines; without any, what was read last', [
    'reveille power web1 status',
    'reveille power web1 cycle',
    'reveille power web1 soft --wait 120',
    'reveille power',
    'reveille power --tag rack-a off --stagger 2',
  ])
    .argument('[machine]', 'a machine; with --tag or --machines the action stands here')
    .addArgument(
      new Argument(
        '[action]',
        'what to do; soft asks the system to shut down, diag sends a diagnostic interrupt (NMI)',
      ).choices(['status', ...POWER_ACTIONS]),
    )
    .option('--driver <driver>', 'ask this driver of the machine, and no other')
    .option('--cached', 'status: what was read last, and when')
    .option('--wait <seconds>', 'how long the outcome is looked for; 15 if not given', seconds)
    .option('--tag <tag>', 'all machines with this tag')
    .option('--machines <names>', 'these machines, as in pc01,pc02')
    .option('--stagger <seconds>', 'many machines: time between the starts of two, for the sake of the fuses', seconds)
    .option('--timeout <seconds>', 'many machines: stop looking after this time, with status 1', seconds)
    .action(async (machine: string | undefined, given: 'status' | Action | undefined, options: Options) => {
      const many = options.tag !== undefined || options.machines !== undefined
      if (many) {
        if (given !== undefined) throw new WrongUse('name one machine, or many with --tag or --machines')
        const action = machine ?? 'status'
        const known = POWER_ACTIONS.find((each) => each === action)
        if (known) return switchMany(context, options, known)
        if (action !== 'status') throw new WrongUse(`${action} is no action; with --tag or --machines name no machine`)
        return showReadings(context, options, await context.client())
      }
      if (options.stagger !== undefined || options.timeout !== undefined)
        throw new WrongUse('--stagger and --timeout go with --tag or --machines')
      if (machine === undefined) return showReadings(context, options, await context.client())
      await powerOfOne(context, options, machine, given ?? 'status')
    })
}

async function powerOfOne(
  context: Context,
  options: Options,
  machine: string,
  action: 'status' | Action,
): Promise<void> {
  const client = await context.client()
  const params = { machine }
  if (action === 'status') {
    if (options.wait !== undefined) throw new WrongUse('--wait goes with an action, such as on')
    const query = { driver: options.driver, cached: options.cached ? ('true' as const) : undefined }
    const status = await client.getPower({ params, query })
    const read = options.cached ? readText(status, context.clock.now()) : ''
    show(context, options, status, () => `${statusText(machine, status, undefined)}${read}`)
    return
  }
  if (options.cached) throw new WrongUse('--cached goes with status')
  const query = { driver: options.driver }
  const status = await client.setPower({ params, query, body: { action, wait: options.wait } })
  show(context, options, status, () => statusText(machine, status, action))
  if (status.confirmed === false)
    throw new Unsuccessful(`${machine} was not seen to obey ${action}; look at it: reveille power ${machine} status`)
}
