import { setTimeout } from 'node:timers/promises'
import type { ApiClient } from '../api/client/client.ts'
import type { Deployment } from '../api/contract/deployments.ts'
import { printable } from '../kit/printable.ts'
import { isOver, progressText, stateText } from './deployment-text.ts'
import type { Terminal } from './terminal.ts'
import { timeOfDay } from './units.ts'

const LOOK_MS = 1000

/**
 * Prints states, log and progress of a deployment until it is over or `signal` fires, and returns it as it was last seen. On a terminal
 * the progress stays on one line; with `json` each change of the deployment is one line of JSON.
 */
export async function followDeployment(
  client: ApiClient,
  id: string,
  terminal: Terminal,
  { json, signal }: { json: boolean; signal: AbortSignal },
): Promise<Deployment> {
  let after = 0
  let said = ''
  let shownAt = ''
  let line = ''
  const clear = () => {
    if (line !== '') terminal.err(`\r${' '.repeat(line.length)}\r`)
    line = ''
  }
  const params = { deployment: id }
  for (;;) {
    const deployment = await client.getDeployment({ params })
    if (json) {
      if (deployment.updatedAt !== shownAt) terminal.out(`${JSON.stringify(deployment)}\n`)
      shownAt = deployment.updatedAt
    } else {
      const log = await client.getDeploymentLog({ params, query: { after } })
      after = log.after
      if (log.items.length > 0) clear()
      for (const { at, text } of log.items) terminal.out(`${timeOfDay(at)}  ${printable(text)}\n`)
      const state = stateText(terminal, deployment)
      if (state !== said) {
        clear()
        terminal.out(`${timeOfDay(deployment.updatedAt)}  ${state}\n`)
        said = state
      }
      const progress = progressText(deployment.progress)
      if (terminal.progress && progress !== '' && !isOver(deployment)) {
        clear()
        line = progress.slice(0, Math.max(20, (terminal.columns ?? 120) - 1))
        terminal.err(line)
      }
    }
    if (isOver(deployment) || signal.aborted) {
      clear()
      return deployment
    }
    await setTimeout(LOOK_MS, undefined, { signal }).catch(() => undefined)
  }
}
