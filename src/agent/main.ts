import { execFile } from 'node:child_process'
import { captureRunner } from './capture/capture.ts'
import { bootNonce } from './conversation/nonce.ts'
import { readPass } from './conversation/pass.ts'
import { LineScreen } from './conversation/screen.ts'
import { runAgent } from './conversation/serve.ts'
import { flashRunner, HERE } from './flash/flash.ts'
import { runInventory, takeInventory } from './inventory/inventory.ts'
import { TaskFailure, type TaskRunners } from './task.ts'

const VERSION = '0.1.0'

const notYet = async (task: { kind: string }): Promise<never> => {
  throw new TaskFailure(`this agent cannot do the task ${task.kind}`, { clean: true })
}

const machine = { ...HERE, grow: notYet as never }
const RUNNERS: TaskRunners = {
  inventory: runInventory,
  capture: captureRunner(machine),
  flash: flashRunner(machine),
  identity: notYet,
  'boot-entry': notYet,
  wipe: notYet,
  script: notYet,
  finish: notYet,
}

/** Restarts at once: disks are flushed by whoever wrote to them. */
function restart(): Promise<void> {
  return new Promise((resolve) => execFile('reboot', ['-f'], () => resolve()))
}

const screen = new LineScreen()
try {
  const pass = await readPass()
  const nonce = await bootNonce()
  await runAgent({ pass, nonce, version: VERSION, screen, runners: RUNNERS, look: () => takeInventory(), restart })
} catch (error) {
  // The init starts the agent again: what was done stays, and the server knows the rest.
  screen.say('error', error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
