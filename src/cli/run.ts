import type { SettingDescription } from '../config/describe.ts'
import type { Context } from './context.ts'
import { explainFailure } from './failure.ts'
import { buildProgram } from './program.ts'

/** Runs one command line (without the names of node and script) and returns the exit status. */
export async function run(
  words: readonly string[],
  context: Context,
  { settings, version }: { settings: readonly SettingDescription[]; version: string },
): Promise<0 | 1 | 2> {
  const program = buildProgram(context, settings, version)
  try {
    if (words.length === 0) {
      context.terminal.out(program.helpInformation())
      return 2
    }
    await program.parseAsync([...words], { from: 'user' })
    return 0
  } catch (error) {
    const { status, lines } = explainFailure(error)
    for (const line of lines) context.terminal.err(`${line}\n`)
    return status
  }
}
