import { readFile } from 'node:fs/promises'
import { all } from '../../api/client/client.ts'
import type { SentBodyOf } from '../../api/contract/route.ts'
import type { Contract } from '../../api/contract.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, seconds, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { deploymentText, isOver, orderText, planText } from '../deployment-text.ts'
import { readArm, readHints, readUntil } from '../disk-options.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { followDeployment } from '../follow-deployment.ts'
import { table } from '../table.ts'
import { ago, timeOfDay } from '../units.ts'

const RELEASES = ['leave', 'save', 'wipe'] as const
const METHODS = ['auto', 'discard', 'secure-erase', 'overwrite'] as const
type Order = SentBodyOf<Contract['createDeployment']>

type Options = Common & {
  arm?: string[]
  dryRun?: boolean
  wait?: boolean
  timeout?: number
  inventory?: boolean
  wipe?: true | (typeof METHODS)[number]
  capture?: string
  disk?: string
  partition?: number
  note?: string
  script?: string
  reserve?: string
  release?: (typeof RELEASES)[number]
  webhook?: string
  email?: string
}

/** What is ordered: a profile, or just one of the other things. */
async function actionOf(profile: string | undefined, options: Options): Promise<Pick<Order, 'profile' | 'action'>> {
  const { inventory, wipe, capture, script } = options
  const given = [profile, inventory, wipe, capture, script].filter((each) => each !== undefined)
  if (given.length !== 1)
    throw new WrongUse('deploy needs a profile, or just one of --inventory, --capture, --wipe and --script')
  if (capture === undefined && (options.disk !== undefined || options.partition !== undefined))
    throw new WrongUse('--disk and --partition go with --capture; a profile says which disk it is for')
  if (inventory) return { action: { kind: 'inventory' } }
  if (wipe !== undefined) return { action: { kind: 'wipe', method: wipe === true ? 'auto' : wipe } }
  if (script !== undefined) return { action: { kind: 'script', script: await readFile(script, 'utf8') } }
  if (capture === undefined) return { profile: profile as string }
  const { partition = null, note = '' } = options
  return { action: { kind: 'capture', image: capture, disk: readHints(options.disk ?? ''), partition, note } }
}

export async function waitForDeployment(
  context: Context,
  id: string,
  { json, timeout }: { json: boolean; timeout?: number | undefined },
): Promise<void> {
  const limits = timeout === undefined ? [] : [AbortSignal.timeout(timeout * 1000)]
  const signal = AbortSignal.any([context.interrupted, ...limits])
  const client = await context.client()
  const last = await followDeployment(client, id, context.terminal, { json, signal })
  if (last.state === 'succeeded' || (context.interrupted.aborted && !isOver(last))) return
  if (!isOver(last))
    throw new Unsuccessful(`${id} was not over within ${timeout} seconds; it is ${last.state}: ${last.reason}`)
  throw new Unsuccessful(`${id} ${last.state}: ${last.reason}${last.next === '' ? '' : `\n${last.next}`}`)
}

function orderCommand(deploy: CliCommand, context: Context): void {
  deploy
    .enablePositionalOptions()
    .arguments('<machine> [profile]')
    .option('--json', 'print JSON for programs')
    .option('--arm <disk>', 'disk=SERIAL of a disk that may be overwritten; may be given several times', collect)
    .option('--dry-run', 'say what would be done and overwritten, and queue nothing')
    .option('--wait', 'follow it until it is over; status 1 unless it succeeded')
    .option('--timeout <seconds>', 'give up waiting after this time, with status 1', seconds)
    .option('--inventory', 'instead of a profile: look at the hardware')
    .option('--capture <image>', 'instead of a profile: make a new version of an image of a disk')
    .option('--disk <hints>', 'capture: which disk, such as serial=S or model=M,rotational=no')
    .option('--partition <number>', 'capture: just this partition', wholeNumber(1))
    .option('--note <text>', 'capture: what to say of the version')
    .addOption(choice('--wipe [method]', 'instead of a profile: erase the armed disks', METHODS))
    .option('--script <path>', 'instead of a profile: run a shell script in the management OS')
    .option('--reserve <until>', 'keep the machine until then: 2h, 3d or a time such as 2026-12-24T18:00')
    .addOption(choice('--release <how>', 'what becomes of it when the reserved time is over', RELEASES))
    .option('--webhook <url>', 'tell this address when it is over')
    .option('--email <address>', 'tell this person when it is over')
    .action(async (machine: string, profile: string | undefined, options: Options) => {
      const { reserve, release = 'leave', webhook = null, email = null } = options
      const reservedUntil = reserve === undefined ? null : readUntil(reserve, context.clock.now())
      const body: Order = {
        ...(await actionOf(profile, options)),
        ...(options.arm ? { arm: options.arm.map(readArm) } : {}),
        reservedUntil,
        release,
        notify: { webhook, email },
      }
      const client = await context.client()
      const params = { machine }
      if (options.dryRun) {
        const plan = await client.planDeployment({ params, body })
        show(context, options, plan, () => planText(context.terminal, plan))
        if (!plan.possible) throw new Unsuccessful(`${machine} cannot be deployed so`)
        return
      }
      const made = await client.createDeployment({ params, body })
      if (!options.json || !options.wait)
        show(context, options, made, () => `${made.id} is queued: ${orderText(made)} on ${made.machine}\n`)
      if (options.wait)
        await waitForDeployment(context, made.id, { json: options.json === true, timeout: options.timeout })
    })
  deploy.examples = [
    'reveille deploy web1 debian --dry-run',
    'reveille deploy web1 debian --arm disk=S4EVNX0R --wait',
    'reveille deploy web1 --capture experiment --disk serial=S4EVNX0R --wait',
  ]
}

export function deployCommands(program: CliCommand, context: Context): void {
  const deploy = group(program, 'deploy', 'make a machine become something, and follow it')
  orderCommand(deploy, context)

  leaf(deploy, 'list', 'list deployments, newest first', [
    'reveille deploy list --open',
    'reveille deploy list --machine web1 --json',
  ])
    .option('--open', 'only those that are not over')
    .option('--machine <machine>', 'only those of one machine')
    .action(async (options: Common & { open?: boolean; machine?: string }) => {
      const client = await context.client()
      const { machine } = options
      const list = machine
        ? await all(client.listMachineDeployments, { params: { machine } })
        : await all(client.listDeployments, options.open ? { query: { open: 'true' } } : {})
      const found = options.open ? list.filter((each) => !isOver(each)) : list
      show(context, options, found, () => {
        if (found.length === 0) return 'No deployments. Order one: reveille deploy MACHINE PROFILE --arm disk=SERIAL\n'
        const now = context.clock.now()
        const rows = found.map((each) => [
          each.id,
          each.machine,
          orderText(each),
          each.state,
          ago(each.createdAt, now),
          each.orderedBy,
          each.reason,
        ])
        return table(['id', 'machine', 'order', 'state', 'ordered', 'by', 'why'], rows, context.terminal.columns)
      })
    })

  leaf(deploy, 'show <deployment>', 'show a deployment with its tasks; a machine stands for its newest one', [
    'reveille deploy show d_0123',
    'reveille deploy show web1',
  ]).action(async (reference: string, options: Common) => {
    const deployment = await deploymentOf(context, reference)
    const found = await (await context.client()).getDeployment({ params: { deployment } })
    show(context, options, found, () => deploymentText(context.terminal, found, context.clock.now()))
  })

  leaf(deploy, 'wait <deployment>', 'follow a deployment until it is over; status 1 unless it succeeded', [
    'reveille deploy wait d_0123 --timeout 600',
    'reveille deploy wait web1',
  ])
    .option('--timeout <seconds>', 'give up after this time', seconds)
    .action(async (reference: string, options: Common & { timeout?: number }) => {
      const id = await deploymentOf(context, reference)
      await waitForDeployment(context, id, { json: options.json === true, timeout: options.timeout })
    })

  leaf(deploy, 'log <deployment>', 'print what was done, line by line', [
    'reveille deploy log d_0123',
    'reveille deploy log web1',
  ]).action(async (reference: string, options: Common) => {
    const client = await context.client()
    const deployment = await deploymentOf(context, reference)
    const items: Awaited<ReturnType<typeof client.getDeploymentLog>>['items'] = []
    for (let after = 0; ; ) {
      const page = await client.getDeploymentLog({ params: { deployment }, query: { after } })
      items.push(...page.items)
      if (page.items.length === 0 || page.after === after) break
      after = page.after
    }
    show(context, options, items, () => items.map(({ at, text }) => `${timeOfDay(at)}  ${text}\n`).join(''))
  })

  leaf(deploy, 'cancel <deployment>', 'cancel a deployment; says in what state the machine is left', [
    'reveille deploy cancel d_0123',
  ]).action(async (id: string, options: Common) => {
    const after = await (await context.client()).cancelDeployment({ params: { deployment: id } })
    show(context, options, after, () => `${after.id} is ${after.state}: ${after.reason}\n`)
  })

  leaf(deploy, 'release <deployment>', 'end the reserved time of a deployment now', [
    'reveille deploy release d_0123',
  ]).action(async (id: string, options: Common) => {
    const after = await (await context.client()).releaseDeployment({ params: { deployment: id } })
    show(context, options, after, () => `${after.id} is released: ${after.reason}\n`)
  })
}

/** For those who only look: the deployment with this id, or the newest one of a machine. */
async function deploymentOf(context: Context, reference: string): Promise<string> {
  if (reference.startsWith('d_')) return reference
  const client = await context.client()
  const { items } = await client.listMachineDeployments({ params: { machine: reference }, query: { limit: 1 } })
  if (!items[0])
    throw new Unsuccessful(
      `there was no deployment of ${reference} yet; order one: reveille deploy ${reference} PROFILE`,
    )
  return items[0].id
}
