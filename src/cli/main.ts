import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from '../api/client/client.ts'
import { nodeTransport } from '../api/client/node.ts'
import type { Context } from './context.ts'
import { LOCAL } from './local.ts'
import { run } from './run.ts'
import { processTerminal } from './terminal.ts'

/** Commands that have a flag for each setting, and those that show or complete them. */
const WITH_SETTINGS = ['serve', 'doctor', 'help', '__complete']

function packageVersion(): string {
  // From src/cli/main.ts the package is two folders up, from dist/lib/cli/main.js three.
  for (const up of ['../../package.json', '../../../package.json'])
    try {
      const found: unknown = JSON.parse(readFileSync(join(import.meta.dirname, up), 'utf8'))
      if (typeof found === 'object' && found !== null && 'version' in found) return String(found.version)
    } catch {}
  return 'unknown'
}

const words = process.argv.slice(2)
const interrupted = new AbortController()
// The server has its own graceful stop. All else either ends its watch on Ctrl-C or has nothing to clean up.
if (words[0] !== 'serve')
  process.once('SIGINT', () => {
    interrupted.abort()
    setTimeout(() => process.exit(130), 200).unref()
  })

const target = async () => (await import('./connect.ts')).findTarget(process.env, process.cwd())
const context: Context = {
  terminal: processTerminal(process.env),
  clock: { now: () => Date.now() },
  environment: process.env,
  cwd: process.cwd(),
  target,
  client: async () => createClient(nodeTransport(await target())),
  local: LOCAL,
  interrupted: interrupted.signal,
}

// `reveille machine list | head -1` closes the pipe early: that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1))

const settings = words.some((word) => WITH_SETTINGS.includes(word))
  ? (await import('../config/describe.ts')).SETTINGS
  : []
process.exitCode = await run(words, context, { settings, version: packageVersion() })
