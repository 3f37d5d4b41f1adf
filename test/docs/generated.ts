import type { Context } from '../../src/cli/context.ts'
import { cliDocument } from '../../src/cli/document.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { configurationDocument } from '../../src/config/document.ts'

function never(): never {
  throw new Error('a document is made without running a command')
}

export const CONTEXT: Context = {
  terminal: { out: never, err: never, columns: undefined, colour: false, progress: false, secret: never },
  clock: { now: never },
  environment: {},
  cwd: '/',
  target: never,
  client: never,
  local: {
    serve: never,
    doctor: never,
    checkConfig: never,
    replay: never,
    buildImage: never,
    backup: never,
    inspectBackup: never,
    restore: never,
  },
  interrupted: new AbortController().signal,
}

/** Documents that are made from the sources. */
export const GENERATED = [
  { path: 'docs/configuration.md', text: configurationDocument },
  { path: 'docs/cli.md', text: () => cliDocument(buildProgram(CONTEXT, [], '')) },
]
