import type { SettingDescription } from '../config/describe.ts'
import type { CliCommand } from './command.ts'
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
    await program.parseAsync(asked(program, words), { from: 'user' })
    return 0
  } catch (error) {
    const { status, lines } = explainFailure(error)
    for (const line of lines) context.terminal.err(`${line}\n`)
    return status
  }
}

/** `help machine add` and `machine help` mean what `--help` behind them does. */
function asked(program: CliCommand, words: readonly string[]): string[] {
  const isFirst = words[0] === 'help'
  const path = isFirst ? words.slice(1) : words.slice(0, -1)
  if (path.length === 0 || !(isFirst || words.at(-1) === 'help')) return [...words]
  let command = program
  const known: string[] = []
  for (const word of path) {
    const next = command.parts.find((part) => part.name() === word || part.aliases().includes(word))
    if (!next && !isFirst) return [...words]
    // Where only a command can follow, its parser says that there is none, and which was probably meant.
    if (!next)
      return command.parts.length > 0 && command.registeredArguments.length === 0
        ? [...known, word]
        : [...known, '--help']
    command = next
    known.push(word)
  }
  // A machine may be called help.
  return isFirst || command.parts.length > 0 ? [...path, '--help'] : [...words]
}
