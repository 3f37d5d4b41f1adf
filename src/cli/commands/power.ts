import { Argument } from 'commander'
import { all } from '../../api/client/client.ts'
import type { PowerStatus } from '../../api/contract/power.ts'
import { type CliCommand, type Common, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { table } from '../table.ts'
import { ago } from '../units.ts'

export const POWER_ACTIONS = ['on', 'off', 'cycle', 'reset', 'soft', 'diag'] as const
type Action = (typeof POWER_ACTIONS)[number]

type Options = Common & { driver?: string; cached?: boolean; wait?: number }

/** What is so, what was not seen though it was ordered, and what did not work on the way. */
function statusText(machine: string, status: PowerStatus, action: Action | undefined): string {
  const state = status.state === 'unknown' ? 'in an unknown state' : status.state
  const lines = [`${machine} is ${state} (${status.driver})`]
  if (status.confirmed === false) lines.push(`${action} was accepted, but it was not seen to happen`)
  for (const { driver, cause } of status.problems) lines.push(`driver ${driver}: ${cause}`)
  return `${lines.join('\n')}\n`
}

export function powerCommands(program: CliCommand, context: Context): void {
  leaf(program, 'power [machine]', 'read or switch the power of a machine; without one, what was read last of all', [
    'reveille power web1 status',
    'reveille power web1 cycle',
    'reveille power web1 soft --wait 120',
    'reveille power',
  ])
    .addArgument(
      new Argument('[action]', 'what to do; soft asks the system to shut down, diag sends a diagnostic interrupt (NMI)')
        .choices(['status', ...POWER_ACTIONS])
        .default('status'),
    )
    .option('--driver <driver>', 'ask this driver of the machine, and no other')
    .option('--cached', 'status: what was read last, and when')
    .option('--wait <seconds>', 'how long the outcome is looked for; 15 if not given', seconds)
    .action(async (machine: string | undefined, action: 'status' | Action, options: Options) => {
      const client = await context.client()
      if (machine === undefined) {
        const readings = await all(client.listPower)
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
        return
      }
      const params = { machine }
      if (action === 'status') {
        if (options.wait !== undefined) throw new WrongUse('--wait goes with an action, such as on')
        const query = { driver: options.driver, cached: options.cached ? ('true' as const) : undefined }
        const status = await client.getPower({ params, query })
        show(context, options, status, () => statusText(machine, status, undefined))
        return
      }
      if (options.cached) throw new WrongUse('--cached goes with status')
      const query = { driver: options.driver }
      const status = await client.setPower({ params, query, body: { action, wait: options.wait } })
      show(context, options, status, () => statusText(machine, status, action))
      if (status.confirmed === false)
        throw new Unsuccessful(
          `${machine} was not seen to obey ${action}; look at it: reveille power ${machine} status`,
        )
    })
}
