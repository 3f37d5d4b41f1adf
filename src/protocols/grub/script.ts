import {
  encodeArgument,
  encodeNumber,
  encodePath,
  encodeText,
  type GrubText,
  type GrubVariable,
  UnsafeText,
} from './text.ts'

/**
 * GRUB commands as data. All are in Debian's signed network images of GRUB 2.06, which load no modules while Secure Boot is on.
 * Times are seconds, as in GRUB.
 */
export type GrubCommand =
  | Readonly<{ do: 'echo'; text: GrubText }>
  | Readonly<{ do: 'set'; variable: GrubSetting; value: GrubText }>
  /** Makes a variable known in the menus that a script opens. */
  | Readonly<{ do: 'export'; variable: GrubSetting }>
  /** Runs a script of the server and returns here. GRUB asks for it by TFTP: the name itself tells the server something. */
  | Readonly<{ do: 'source'; path: GrubText }>
  /** Shows the menu that a script of the server makes, and returns when somebody leaves it with Escape. */
  | Readonly<{ do: 'configfile'; path: GrubText }>
  /** With Secure Boot on, fails for a kernel whose signature shim does not accept. */
  | Readonly<{ do: 'linux'; path: GrubText; args: readonly string[] }>
  | Readonly<{ do: 'initrd'; paths: readonly GrubText[] }>
  /** Puts the first partition that has the file `$file` into `disk`; fails when none has it. */
  | Readonly<{ do: 'search' }>
  /** Loads the EFI program `$file` of the partition `$disk`. It is told to come from the device `root`, where it looks for what it loads. */
  | Readonly<{ do: 'chainloader' }>
  /** Puts the SMBIOS system UUID into `uuid`. */
  | Readonly<{ do: 'smbios-uuid' }>
  | Readonly<{ do: 'sleep'; seconds: number | Readonly<{ variable: 'wait' }> }>
  | Readonly<{ do: 'boot' | 'reboot' | 'exit' | 'true' }>

/** The variables that scripts set: our own, and those that rule the menu. */
export type GrubSetting =
  | Extract<GrubVariable, 'uuid' | 'wait' | 'step' | 'disk' | 'file' | 'root' | 'net'>
  | 'default'
  | 'timeout'

export type GrubStatement =
  | Readonly<{ run: GrubCommand }>
  /** Runs `yes` when every command succeeded, in their order, else `no`. */
  | Readonly<{ when: readonly GrubCommand[]; yes: GrubScript; no?: GrubScript | undefined }>
  | Readonly<{ forever: GrubScript }>
  /** Runs for each of the values with the variable set to it. */
  | Readonly<{ each: 'file'; of: readonly string[]; run: GrubScript }>
  | Readonly<{ entry: string; title: string; run: GrubScript }>

/** A script as data. */
export type GrubScript = readonly GrubStatement[]

/** Longest script that is written, in characters, and how deep its blocks may be. */
export const MAX_SCRIPT = 65_536
const MAX_DEPTH = 16

/** The text of a script. What GRUB would read as anything but the value that was given is `UnsafeText`; nothing is ever cut. */
export function encodeScript(script: GrubScript): string {
  const text = `${block(script, 0).join('\n')}\n`
  if (text.length > MAX_SCRIPT)
    throw new UnsafeText(`the script has ${text.length} characters, more than ${MAX_SCRIPT}`)
  return text
}

function block(script: GrubScript, depth: number): string[] {
  if (depth > MAX_DEPTH) throw new UnsafeText('the script has too many blocks in each other')
  return script
    .flatMap((statement) => encodeStatement(statement, depth))
    .map((line) => (depth > 0 ? `  ${line}` : line))
}

/** GRUB has no empty blocks. */
function body(script: GrubScript, depth: number): string[] {
  return block(script.length > 0 ? script : [{ run: { do: 'true' } }], depth + 1)
}

function encodeStatement(statement: GrubStatement, depth: number): string[] {
  if ('run' in statement && !('each' in statement) && !('entry' in statement)) return [encodeCommand(statement.run)]
  if ('when' in statement) {
    const { when, yes, no } = statement
    const [first, ...rest] = when
    if (first === undefined) throw new UnsafeText('a condition has no command')
    // GRUB knows no &&: each command is a condition of its own, and a flag of nested blocks would repeat the other way out.
    const inner: GrubScript = rest.length > 0 ? [{ when: rest, yes, no }] : yes
    const other = no && no.length > 0 ? ['else', ...body(no, depth)] : []
    return [`if ${encodeCommand(first)}; then`, ...body(inner, depth), ...other, 'fi']
  }
  if ('forever' in statement) return ['while true; do', ...body(statement.forever, depth), 'done']
  if ('each' in statement) {
    if (statement.of.length === 0) throw new UnsafeText('a loop has nothing to go through')
    const values = statement.of.map((value) => encodeText(value, 'the value'))
    return [`for ${encodeName(statement.each)} in ${values.join(' ')}; do`, ...body(statement.run, depth), 'done']
  }
  return [
    `menuentry ${encodeText(statement.title, 'the label')} --id ${encodeText(encodeName(statement.entry), 'the item')} {`,
    ...body(statement.run, depth),
    '}',
  ]
}

function encodeCommand(command: GrubCommand): string {
  switch (command.do) {
    case 'echo': {
      const first = typeof command.text === 'string' ? command.text : command.text[0]
      if (typeof first === 'string' && first.startsWith('-')) throw new UnsafeText('the text begins like an option')
      return `echo ${encodeText(command.text, 'the text')}`
    }
    case 'set':
      return `set ${encodeName(command.variable)}=${encodeText(command.value, 'the value')}`
    case 'export':
      return `export ${encodeName(command.variable)}`
    case 'source':
    case 'configfile':
      return `${command.do} ${encodePath(command.path, 'the path')}`
    case 'linux':
      return ['linux', encodePath(command.path, 'the kernel'), ...command.args.map(encodeArgument)].join(' ')
    case 'initrd':
      if (command.paths.length === 0) throw new UnsafeText('there is no initrd to load')
      return ['initrd', ...command.paths.map((path) => encodePath(path, 'the initrd'))].join(' ')
    case 'chainloader':
      return `chainloader "(\${disk})\${file}"`
    case 'search':
      return `search --no-floppy --set=disk --file "\${file}"`
    case 'smbios-uuid':
      // SMBIOS 3.x §7.2: the UUID of the system is at offset 8 of structure type 1.
      return 'smbios --type 1 --get-uuid 8 --set uuid'
    case 'sleep':
      return typeof command.seconds === 'number'
        ? `sleep ${encodeNumber(command.seconds, 3600, 'the time')}`
        : `sleep "\${wait}"`
    default:
      return command.do
  }
}

function encodeName(name: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(name))
    throw new UnsafeText(`the name ${JSON.stringify(name)} is not a plain name`)
  return name
}
