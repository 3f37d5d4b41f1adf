import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../api/client/client.ts'
import type { Batch } from '../api/contract/rooms.ts'
import { printable } from '../kit/printable.ts'
import { type Common, show } from './command.ts'
import type { Context } from './context.ts'
import { Unsuccessful } from './failure.ts'
import { table } from './table.ts'
import type { Terminal } from './terminal.ts'

const LOOK_MS = 500

/** `3 of 30 done, 1 failed, 27 left out`. */
export function countsText({ done, failed, total, machines }: Pick<Batch, 'done' | 'failed' | 'total' | 'machines'>) {
  const skipped = machines.filter(({ state }) => state === 'skipped').length
  const parts = [`${done - skipped} of ${total} done`]
  if (failed > 0) parts.push(`${failed} failed`)
  if (skipped > 0) parts.push(`${skipped} left out`)
  return parts.join(', ')
}

export function batchTitle({ action, profile }: Pick<Batch, 'action' | 'profile'>): string {
  return profile === null ? action : `${action} ${profile}`
}

/** Each machine of a batch; with `only` those in one of these states. */
export function machinesText(
  { machines }: Pick<Batch, 'machines'>,
  columns: number | undefined,
  only?: readonly Batch['machines'][number]['state'][],
): string {
  const rows = machines
    .filter(({ state }) => only?.includes(state) ?? true)
    .map(({ machine, state, detail }) => [machine, state, detail])
  return rows.length === 0 ? '' : table(['machine', 'state', 'detail'], rows, columns)
}

/** Shows on one line how far a batch is until it is over or `signal` fires, and returns it as it was last seen. */
async function followBatch(
  client: ApiClient,
  first: Batch,
  { terminal, quiet, signal }: { terminal: Terminal; quiet: boolean; signal: AbortSignal },
): Promise<Batch> {
  let batch = first
  let line = ''
  const clear = () => {
    if (line !== '') terminal.err(`\r${' '.repeat(line.length)}\r`)
    line = ''
  }
  while (batch.state === 'running' && !signal.aborted) {
    if (terminal.progress && !quiet) {
      clear()
      line = `${batchTitle(batch)}: ${countsText(batch)}`
      terminal.err(line)
    }
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined)
    if (!signal.aborted) batch = await client.getBatch({ params: { batch: batch.id } })
  }
  clear()
  return batch
}

/** Follows a batch to its end, says how it went and names the machines that failed. Status 1 if there is one. */
export async function finishBatch(
  context: Context,
  first: Batch,
  options: Common & { timeout?: number | undefined },
): Promise<void> {
  const { terminal, interrupted } = context
  const limits = options.timeout === undefined ? [] : [AbortSignal.timeout(options.timeout * 1000)]
  const signal = AbortSignal.any([interrupted, ...limits])
  const batch = await followBatch(await context.client(), first, { terminal, quiet: options.json === true, signal })
  show(context, options, batch, () => {
    if (batch.state === 'running')
      return `${countsText(batch)}; it goes on, see how far it is: reveille room show ${batch.id}\n`
    const verdict = `${batchTitle(batch)}: ${countsText(batch)}${batch.state === 'cancelled' ? ', then cancelled' : ''}\n`
    return verdict + machinesText(batch, terminal.columns, ['failed', 'skipped'])
  })
  if (batch.state === 'running' && !interrupted.aborted)
    throw new Unsuccessful(`${batch.id} was not over within ${options.timeout} seconds`)
  const failed = batch.machines.filter(({ state }) => state === 'failed')
  if (failed.length > 0)
    throw new Unsuccessful(`it failed for ${printable(failed.map((each) => each.machine).join(', '))}`)
}
