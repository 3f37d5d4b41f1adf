import type { Trace } from '../../api/contract/traces.ts'
import { printable } from '../../kit/printable.ts'
import { type CliCommand, type Common, leaf, seconds, show } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'
import { followBoot } from '../follow.ts'
import { paint } from '../terminal.ts'
import { timeOfDay } from '../units.ts'

/** Control has passed to what was booted. A parked machine goes on as soon as somebody chooses what it boots. */
function hasArrived({ state }: Trace): boolean {
  return state === 'launched'
}

/**
 * Follows what a machine does after `since` until it has arrived; a failing or stalled boot may still go on, so it does not end the watch.
 * With a timeout, not to have arrived by then is a failure that ends in what to do next.
 */
export async function watchBoot(
  context: Context,
  machine: string,
  { json, since, timeout }: { json: boolean; since: number; timeout?: number | undefined },
): Promise<void> {
  const limits = timeout === undefined ? [] : [AbortSignal.timeout(timeout * 1000)]
  const client = await context.client()
  if (!json) context.terminal.err(`Waiting for ${machine} to boot. Ctrl-C ends the watch, not the boot.\n`)
  const signal = AbortSignal.any([context.interrupted, ...limits])
  const trace = await followBoot(client, machine, context.terminal, { json, since, until: hasArrived, signal })
  if ((trace && hasArrived(trace)) || context.interrupted.aborted) return
  const state = trace ? `it is ${trace.state}: ${printable(trace.headline)}` : 'nothing was heard of it'
  throw new Unsuccessful(`${machine} did not arrive within ${timeout} seconds; ${state}\nAsk: reveille why ${machine}`)
}

export function whyCommand(program: CliCommand, context: Context): void {
  leaf(program, 'why <machine>', 'explain the newest boot of a machine in sentences', [
    'reveille why web1',
    'reveille why 52:54:00:12:34:56 --follow',
  ])
    .option('--follow', 'print every stage as it happens, until the machine has arrived')
    .option('--timeout <seconds>', 'give up following after this time, with status 1', seconds)
    .action(async (machine: string, options: Common & { follow?: boolean; timeout?: number }) => {
      if (options.follow)
        return watchBoot(context, machine, { json: options.json === true, since: 0, timeout: options.timeout })
      const why = await (await context.client()).why({ params: { machine } })
      show(context, options, why, () => {
        const sentences = why.sentences.map(
          ({ at, text }) => `${paint(context.terminal, 'dim', timeOfDay(at))}  ${printable(text)}\n`,
        )
        const next = why.next.map((step) => `  - ${printable(step)}\n`)
        return `${paint(context.terminal, 'bold', printable(why.verdict))}\n${sentences.length > 0 ? '\n' : ''}${sentences.join('')}${next.length > 0 ? `\nWhat to do:\n${next.join('')}` : ''}`
      })
    })
}
