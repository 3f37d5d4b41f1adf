import type { IpxeCommand, IpxeScript } from '../../src/protocols/ipxe/script.ts'
import type { Text } from '../../src/protocols/ipxe/text.ts'
import type { ReadLine } from './reader.ts'

/** What iPXE must find in the text of a script: the words of each command, with `{}` for each expansion, and those in order. */
type Meant = Readonly<{
  label: string | null
  commands: readonly Readonly<{ words: string[]; expansions: string[] }>[]
}>

export function meant(script: IpxeScript): Meant[] {
  return script.map((line) => {
    if ('label' in line) return { label: line.label, commands: [] }
    const commands = line.run.map(meantCommand)
    const { otherwise } = line
    const go = typeof otherwise === 'object' ? [{ words: ['goto', otherwise.goto], expansions: [] }] : []
    return { label: null, commands: [...commands, ...go] }
  })
}

/** The same view of what was read. */
export function found(lines: readonly ReadLine[]): Meant[] {
  return lines.map(({ label, commands }) => ({
    label,
    commands: commands.map(({ words, expansions }) => ({
      words: words.map((word) => word.replace(/\$\{[^}]*\}/g, '{}')),
      expansions: [...expansions],
    })),
  }))
}

const words = (text: Text): string[] =>
  (typeof text === 'string' ? text : text.map((part) => (typeof part === 'string' ? part : '{}')).join(''))
    .split(' ')
    .filter((word) => word !== '')

const expansions = (...texts: Text[]): string[] =>
  texts.flatMap((text) =>
    typeof text === 'string'
      ? []
      : text.flatMap((part) =>
          typeof part === 'string' ? [] : [part.as ? `${part.setting}:${part.as}` : part.setting],
        ),
  )

/** iPXE takes a first word with a hyphen for an option, unless `--` stands before it. */
function free(text: Text): string[] {
  const list = words(text)
  const opensWithExpansion = typeof text !== 'string' && typeof text[0] === 'object'
  return list[0]?.startsWith('-') || opensWithExpansion ? ['--', ...list] : list
}

function meantCommand(command: IpxeCommand): { words: string[]; expansions: string[] } {
  switch (command.do) {
    case 'echo':
      return { words: ['echo', ...free(command.text)], expansions: expansions(command.text) }
    case 'menu':
      return { words: ['menu', ...free(command.title)], expansions: expansions(command.title) }
    case 'item':
      return { words: ['item', command.name, ...words(command.text)], expansions: expansions(command.text) }
    case 'set':
      return { words: ['set', command.setting, ...words(command.value)], expansions: expansions(command.value) }
    case 'clear':
      return { words: ['clear', command.setting], expansions: [] }
    case 'isset':
      return { words: ['isset', '{}'], expansions: expansions([command.value]) }
    case 'is-64-bit':
      return { words: ['cpuid', '--ext', '29'], expansions: [] }
    case 'sleep':
      return { words: ['sleep', String(command.seconds)], expansions: [] }
    case 'goto':
      return { words: ['goto', command.label], expansions: [] }
    case 'chain':
      return { words: ['chain', '--replace', '--autofree', ...words(command.url)], expansions: expansions(command.url) }
    case 'fetch': {
      const timeout = command.timeoutMs === undefined ? [] : ['--timeout', String(command.timeoutMs)]
      const all = ['imgfetch', ...timeout, '--name', command.name, ...words(command.url)]
      return { words: all, expansions: expansions(command.url) }
    }
    case 'free':
      return { words: ['imgfree', ...(command.name === undefined ? [] : [command.name])], expansions: [] }
    case 'run':
      return { words: ['imgexec', command.name], expansions: [] }
    case 'kernel': {
      const all = ['kernel', '--name', 'kernel', ...words(command.url), ...words(command.args)]
      return { words: all, expansions: expansions(command.url, command.args) }
    }
    case 'initrd': {
      const wrap = command.wrap === undefined ? [] : [command.wrap]
      const all = ['initrd', '--name', command.name, ...words(command.url), ...wrap]
      return { words: all, expansions: expansions(command.url) }
    }
    case 'sanhook': {
      const { host, port, lun, target } = command.disk
      const disk = ['iscsi', host, '', port, lun.toString(16), target].join(':')
      return { words: ['sanhook', '--drive', `0x${command.drive.toString(16)}`, disk], expansions: [] }
    }
    case 'sanunhook':
      return { words: ['sanunhook', '--drive', `0x${command.drive.toString(16)}`], expansions: [] }
    case 'login':
      return { words: ['login'], expansions: [] }
    case 'boot':
      return { words: ['boot'], expansions: [] }
    case 'sanboot': {
      const { from } = command
      const where = 'drive' in from ? ['--drive', `0x${from.drive.toString(16)}`] : words(from.url)
      return { words: ['sanboot', '--no-describe', ...where], expansions: 'url' in from ? expansions(from.url) : [] }
    }
    case 'exit':
      return { words: ['exit', String(command.status)], expansions: [] }
    case 'choose':
      return {
        words: ['choose', '--default', command.default, '--timeout', String(command.timeoutMs), 'choice'],
        expansions: [],
      }
  }
}
