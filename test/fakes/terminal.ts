import { createClient } from '../../src/api/client/client.ts'
import type { Transport } from '../../src/api/client/transport.ts'
import type { Context, Local } from '../../src/cli/context.ts'
import { run } from '../../src/cli/run.ts'
import { SETTINGS } from '../../src/config/describe.ts'

/** Nothing that works without a server is expected; tests replace what they do expect. */
export const NO_LOCAL: Local = {
  serve: () => Promise.reject(new Error('serve was not expected')),
  doctor: () => Promise.reject(new Error('doctor was not expected')),
  checkConfig: () => Promise.reject(new Error('checkConfig was not expected')),
  replay: () => Promise.reject(new Error('replay was not expected')),
  buildImage: () => Promise.reject(new Error('buildImage was not expected')),
  backup: () => Promise.reject(new Error('backup was not expected')),
  inspectBackup: () => Promise.reject(new Error('inspectBackup was not expected')),
  restore: () => Promise.reject(new Error('restore was not expected')),
}

/** 2026-11-21 12:00:00 UTC: the time of the command line in tests. */
export const NOW = Date.UTC(2026, 10, 21, 12)

/** Runs a command line against a transport and says what it printed. */
export async function runCli(
  words: readonly string[],
  transport: Transport,
  more: Partial<Context> & { secrets?: readonly string[]; columns?: number } = {},
): Promise<{ status: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const secrets = [...(more.secrets ?? [])]
  const context: Context = {
    terminal: {
      out: (text) => {
        out += text
      },
      err: (text) => {
        err += text
      },
      columns: more.columns,
      colour: false,
      progress: false,
      secret: async () => secrets.shift() ?? '',
    },
    clock: { now: () => NOW },
    environment: {},
    cwd: '/',
    target: async () => ({ socket: '/nowhere/control.sock' }),
    client: async () => createClient(transport),
    local: NO_LOCAL,
    interrupted: new AbortController().signal,
    ...more,
  }
  const status = await run(words, context, { settings: SETTINGS, version: '1.2.3' })
  return { status, out, err }
}
