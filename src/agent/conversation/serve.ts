import { setTimeout as sleep } from 'node:timers/promises'
import type { BootPass, Inventory } from '../../api/contract/agent.ts'
import type { TaskRunners } from '../task.ts'
import { LogStream } from './log.ts'
import type { Screen } from './screen.ts'
import { AgentShell } from './shell.ts'
import { AskRefused, type BackOff, BootOver, Talk } from './talk.ts'
import { work } from './work.ts'

export type AgentOptions = Readonly<{
  pass: BootPass
  nonce: string
  version: string
  screen: Screen
  runners: TaskRunners
  /** Looks at the whole machine. */
  look: () => Promise<Inventory>
  /** Restarts the machine. */
  restart: () => Promise<void>
  backOff?: BackOff
  /** How often progress is told, and how long a restart is announced, in ms. */
  everyMs?: number
  restartMs?: number
}>

/** The whole life of the agent in one boot: hello, inventory, then task after task. Ends when the boot is over, by restarting. */
export async function runAgent(options: AgentOptions): Promise<void> {
  const { pass, nonce, version, screen, runners, look, restart, backOff, everyMs, restartMs = 10_000 } = options
  const talk = new Talk({ pass, nonce, version, screen, ...(backOff ? { backOff } : {}) })
  const log = new LogStream(talk, screen)
  try {
    screen.say('info', `this is ${pass.machine}; saying hello to ${pass.server}`)
    const machine = await talk.hello()
    log.say('info', `the agent ${version} runs on ${machine}`)
    await tellInventory(talk, log, look)
    const shell = new AgentShell(talk, screen)
    await work({
      talk,
      log,
      runners: { ...runners, inventory: (task, around) => inventoryTask(talk, look, runners, task, around) },
      openShell: () => shell.open(),
      waiting: (reason) => screen.say('info', `waiting: ${reason}`),
      ...(everyMs === undefined ? {} : { everyMs }),
    })
  } catch (error) {
    if (!(error instanceof BootOver)) throw error
    screen.say('error', `this boot is over: ${error.message}. Restarting in ${Math.round(restartMs / 1000)} s`)
    await sleep(restartMs)
    await restart()
  } finally {
    talk.close()
  }
}

async function tellInventory(talk: Talk, log: LogStream, look: AgentOptions['look']): Promise<void> {
  try {
    await talk.tell('inventory', await look())
  } catch (error) {
    if (error instanceof BootOver) throw error
    // The server asks for it again when it needs it, and hears then why it cannot be had.
    const why = error instanceof Error ? error.message : String(error)
    log.say('error', `${error instanceof AskRefused ? 'the server refused the inventory' : 'no inventory'}: ${why}`)
  }
}

/** The inventory goes its own way: it is too large for a result. */
async function inventoryTask(
  talk: Talk,
  look: AgentOptions['look'],
  runners: TaskRunners,
  ...[task, around]: Parameters<TaskRunners['inventory']>
): ReturnType<TaskRunners['inventory']> {
  const { detail, ...outcome } = await runners.inventory(task, around)
  const { inventory = await look(), ...rest } = detail
  await talk.tell('inventory', inventory, around.stopped)
  return { ...outcome, detail: rest }
}
