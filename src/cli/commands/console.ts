import { all } from '../../api/client/client.ts'
import { type CliCommand, type Common, leaf, show, wholeNumber } from '../command.ts'
import { attachConsole } from '../console.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { table } from '../table.ts'
import { ago, bytes } from '../units.ts'

type Options = Common & { log?: boolean; agent?: boolean; search?: string; limit?: number; forget?: boolean }

export function consoleCommand(program: CliCommand, context: Context): void {
  leaf(program, 'console [machine]', 'connect to the serial console of a machine; Ctrl-] leaves it', [
    'reveille console web1',
    'reveille console web1 --log > boot.txt',
    'reveille console web1 --search panic',
    'reveille console',
  ])
    .option('--log', 'print what it said so far, and end')
    .option('--search <text>', 'find lines in what it said, the newest first')
    .option('--limit <number>', 'most lines that --search shows; 100 if not given', wholeNumber(1))
    .option('--forget', 'delete what was recorded of it')
    .option('--agent', 'a shell on the management OS that the machine runs now, though it has a serial console')
    .action(async (machine: string | undefined, options: Options) => {
      const { log, search, limit, forget, agent } = options
      if ([log, search !== undefined, forget, agent].filter(Boolean).length > 1)
        throw new WrongUse('give one of --log, --search, --forget and --agent')
      if (limit !== undefined && search === undefined) throw new WrongUse('--limit goes with --search')
      if (machine === undefined) {
        if (log || search !== undefined || forget || agent) throw new WrongUse('name the machine')
        await listConsoles(context, options)
      } else if (log) await printLog(context, machine, options)
      else if (search !== undefined) await printMatches(context, machine, search, options)
      else if (forget) {
        await (await context.client()).forgetConsole({ params: { machine } })
        show(context, options, { forgotten: machine }, () => `what the console of ${machine} printed is deleted\n`)
      } else {
        if (options.json) throw new Unsuccessful('a live console is no JSON; --json goes with --log and --search')
        const write = (piece: Uint8Array) => void process.stdout.write(piece)
        await attachConsole(context, machine, { write, shell: agent })
      }
    })
}

async function listConsoles(context: Context, options: Common): Promise<void> {
  const client = await context.client()
  const found = await all(client.listConsoles)
  show(context, options, found, () =>
    table(
      ['machine', 'comes from', 'state', 'recorded', 'last', 'viewers', 'problem'],
      found.map((each) => [
        each.name,
        each.source,
        each.state,
        bytes(each.recordedBytes),
        each.lastAt === null ? '' : ago(each.lastAt, context.clock.now()),
        each.viewers.map(({ who, via }) => (via === 'api' ? who : `${who} (${via})`)).join(', '),
        each.problem,
      ]),
      context.terminal.columns,
    ),
  )
}

async function printLog(context: Context, machine: string, options: Common): Promise<void> {
  const { body } = await (await context.client()).consoleLog({ params: { machine } })
  const pieces: Uint8Array[] = []
  for await (const piece of body) pieces.push(piece)
  const text = Buffer.concat(pieces).toString('utf8')
  show(context, options, { machine, log: text }, () => text)
}

async function printMatches(context: Context, machine: string, q: string, options: Options): Promise<void> {
  const client = await context.client()
  const { items } = await client.searchConsole({ params: { machine }, query: { q, limit: options.limit } })
  show(context, options, items, () =>
    items.length === 0
      ? `nothing that ${machine} printed holds ${q}\n`
      : table(
          ['when', 'line'],
          items.map(({ at, line }) => [at, line]),
        ),
  )
}
