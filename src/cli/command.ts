import { Command, InvalidArgumentError, Option } from 'commander'
import type { Context } from './context.ts'

/** A command with examples, which its help and docs/cli.md show. */
export class CliCommand extends Command {
  examples: readonly string[] = []
  /** Not in help, documents or completion. */
  isHidden = false

  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  /** Below this one, as help shows them. */
  get parts(): readonly CliCommand[] {
    return this.commands.filter((command) => command instanceof CliCommand)
  }

  /** `machine add`, without the name of the program. */
  get path(): string {
    return this.parent instanceof CliCommand && this.parent.parent ? `${this.parent.path} ${this.name()}` : this.name()
  }
}

/** What every command understands. */
export type Common = { json?: boolean }

export function group(parent: CliCommand, name: string, summary: string): CliCommand {
  const command = new CliCommand(name).description(summary).helpCommand(false)
  parent.addCommand(command)
  return command
}

/** Adds a command that does something. `usage` is `NAME <argument> [optional]`, as Commander reads it. */
export function leaf(parent: CliCommand, usage: string, summary: string, examples: readonly string[] = []): CliCommand {
  const [name = '', ...rest] = usage.split(' ')
  const command = new CliCommand(name).description(summary)
  if (rest.length > 0) command.arguments(rest.join(' '))
  command.option('--json', 'print JSON for programs')
  command.examples = examples
  if (examples.length > 0)
    command.addHelpText('after', `\nExamples:\n${examples.map((example) => `  ${example}\n`).join('')}`.trimEnd())
  parent.addCommand(command)
  return command
}

export function choice(flags: string, summary: string, values: readonly string[]): Option {
  return new Option(flags, summary).choices([...values])
}

/** For options that are whole numbers. `Number` would make NaN of a slip, which JSON sends as null: often "no limit". */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    if (!(value >= least)) throw new InvalidArgumentError(`It must be a whole number from ${least} on.`)
    return value
  }
}

/** For options that are a time in seconds, parts of one too. */
export function seconds(text: string): number {
  const value = /^\d{1,9}(\.\d+)?$/.test(text) ? Number(text) : 0
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number of seconds above 0.')
  return value
}

/** For options that may be given several times. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

/** Prints a result: JSON for programs, else what `text` makes of it. */
export function show(context: Context, options: Common, value: unknown, text: () => string): void {
  context.terminal.out(options.json ? `${JSON.stringify(value, null, 2)}\n` : text())
}
