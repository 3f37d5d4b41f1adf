import { execFile } from 'node:child_process'
import { runBootEntry } from './boot-entry/boot-entry.ts'
import { captureRunner } from './capture/capture.ts'
import { bootNonce } from './conversation/nonce.ts'
import { readPass } from './conversation/pass.ts'
import { LineScreen } from './conversation/screen.ts'
import { runAgent } from './conversation/serve.ts'
import { runFinish } from './finish/finish.ts'
import { flashRunner, HERE } from './flash/flash.ts'
import { runIdentity } from './identity/identity.ts'
import { runInventory, takeInventory } from './inventory/inventory.ts'
import { runScript } from './script/script.ts'
import type { TaskRunners } from './task.ts'
import { runWipe } from './wipe/wipe.ts'

const VERSION = '0.1.0'

const RUNNERS: TaskRunners = {
  inventory: runInventory,
  capture: captureRunner(HERE),
  flash: flashRunner(HERE),
  identity: runIdentity,
  'boot-entry': runBootEntry,
  wipe: runWipe,
  script: runScript,
  finish: runFinish,
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
