import type { CliCommand } from './command.ts'

const HEAD = `# Command line

\`bin/reveille\` from a checkout, \`reveille\` from an installed package. On the server itself it uses the control socket in the data directory and
needs no password; elsewhere set \`REVEILLE_URL\` and \`REVEILLE_TOKEN\`. A machine is named by its name, its id or any of its MACs.

- \`--json\` on every command prints what the API answered, for programs; results go to standard output, all else to standard error.
- Exit status: 0 ok, 1 failed, 2 wrong use. An error says what happened and what to do next.
- Colour only on a terminal, and never with \`NO_COLOR\` set. Tables fit the terminal; through a pipe nothing is shortened.
- Completion of commands, flags and live names: \`source <(reveille completion bash)\`, the same with \`zsh\`, or \`reveille completion fish | source\`.

The flags of \`serve\` and \`doctor\` are the settings of [configuration.md](configuration.md).

This page is made from the commands by \`node scripts/generate-docs.ts\`; a test keeps it true.
`

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;')
}

function leaves(command: CliCommand): CliCommand[] {
  if (command.isHidden) return []
  // A group may also be a command of its own.
  const itself = command.parts.length === 0 || command.registeredArguments.length > 0 ? [command] : []
  return [...itself, ...command.parts.flatMap(leaves)]
}

function usage(command: CliCommand): string {
  const args = command.registeredArguments.map((argument) => {
    const name = argument.argChoices?.join('|') ?? `${argument.name()}${argument.variadic ? '...' : ''}`
    return argument.required ? `<${name}>` : `[${name}]`
  })
  return ['reveille', command.path, ...args].join(' ')
}

function section(command: CliCommand): string {
  const options = command.options.filter(({ hidden, long }) => !hidden && long !== '--json')
  const rows = options.map(({ flags, description, argChoices }) => {
    const choices = argChoices ? ` (${argChoices.join(', ')})` : ''
    return `| \`${flags.replaceAll('|', '\\|')}\` | ${cell(description + choices)} |`
  })
  const other = command.aliases().length > 0 ? ` Also \`${command.aliases().join('`, `')}\`.` : ''
  return [
    `### ${command.path}\n`,
    `\`${usage(command)}\`\n`,
    `${command.description()}.${other}\n`,
    ...(rows.length > 0 ? ['| option | meaning |', '|---|---|', ...rows, ''] : []),
    ...(command.examples.length > 0 ? ['```', ...command.examples, '```', ''] : []),
  ].join('\n')
}

/** docs/cli.md, whole: build the program without settings for it. */
export function cliDocument(program: CliCommand): string {
  const commands = leaves(program)
  const rows = commands.map(
    (command) => `| \`${usage(command).replaceAll('|', '\\|')}\` | ${cell(command.description())} |`,
  )
  return [
    HEAD,
    '## All commands\n',
    '| command | what it does |',
    '|---|---|',
    ...rows,
    '\n## Details\n',
    ...commands.map(section),
  ].join('\n')
}
