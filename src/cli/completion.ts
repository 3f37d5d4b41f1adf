import type { Argument, Option } from 'commander'
import type { CliCommand } from './command.ts'

/** What the shell shall do instead of offering words. */
export const FILES = ':files'

/** Kinds of names that only the server knows. */
const LIVE = [
  'machine',
  'profile',
  'image',
  'volume',
  'tag',
  'config',
  'deployment',
  'rule',
  'maintenance',
  'rollout',
  'batch',
  'session',
  'job',
  'network',
  'user',
  'token',
  'lab-machine',
] as const
export type LiveNames = (typeof LIVE)[number]

/** Commands whose argument names something that is yet to be made. */
const FILE_ARGUMENTS = ['file', 'path']

export type Completion = Readonly<{ words: readonly string[]; live: LiveNames | null; files: boolean }>

const NOTHING: Completion = { words: [], live: null, files: false }

function forValue(name: string, choices: readonly string[] | undefined): Completion {
  if (choices) return { ...NOTHING, words: choices }
  const live = LIVE.find((kind) => kind === name)
  if (live) return { ...NOTHING, live }
  return { ...NOTHING, files: FILE_ARGUMENTS.includes(name) || name === 'name=path' }
}

/** `<machine>` of `--profile <machine>`. */
function valueName({ flags }: Option): string {
  return /[<[]([^>\].]+)/.exec(flags)?.[1] ?? ''
}

function findOption(command: CliCommand, word: string): Option | undefined {
  return command.options.find(({ long, short }) => word === long || word === short)
}

/**
 * What can stand where the cursor is. `words` are those after `reveille`; the last one is being typed and may be empty.
 * Pure: live names are looked up by the caller.
 */
export function complete(program: CliCommand, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? ''
  let command = program
  let position = 0
  let expecting: Option | undefined
  for (const word of words.slice(0, -1)) {
    if (expecting) expecting = undefined
    else if (word.startsWith('-')) {
      const option = findOption(command, word)
      expecting = option?.required ? option : undefined
    } else {
      const next = command.parts.find((part) => part.name() === word || part.aliases().includes(word))
      if (next) command = next
      else position += 1
    }
  }
  if (expecting) return forValue(valueName(expecting), expecting.argChoices)
  if (typed.startsWith('-')) {
    const flags = command.options.filter(({ hidden }) => !hidden).map(({ long, short }) => long ?? short ?? '')
    return { ...NOTHING, words: [...flags, '--help'] }
  }
  const parts = command.parts.filter(({ isHidden }) => !isHidden)
  if (parts.length > 0) return { ...NOTHING, words: parts.map((part) => part.name()) }
  const argument = argumentAt(command, position)
  return argument ? forValue(argument.name(), argument.argChoices) : NOTHING
}

function argumentAt({ registeredArguments }: CliCommand, position: number): Argument | undefined {
  const last = registeredArguments.at(-1)
  return registeredArguments[position] ?? (last?.variadic ? last : undefined)
}

/** Flags that take a value may also be written `--flag=value`: nothing of ours completes those. */
export function matching(words: readonly string[], typed: string): string[] {
  return words.filter((word) => word.startsWith(typed)).sort()
}

const BASH = `# bash completion of reveille. Load it with: source <(reveille completion bash)
_reveille() {
  local line
  local -a words
  COMPREPLY=()
  words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return
    fi
    COMPREPLY+=("$line")
  done < <(reveille __complete -- "\${words[@]}" 2>/dev/null)
}
complete -F _reveille reveille
`

const ZSH = `#compdef reveille
# zsh completion of reveille. Load it with: source <(reveille completion zsh)
_reveille() {
  local -a found
  found=("\${(@f)$(reveille __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "$found[1]" == ':files' ]]; then
    _files
  else
    compadd -- "\${(@)found:#}"
  fi
}
compdef _reveille reveille
`

const FISH = `# fish completion of reveille. Load it with: reveille completion fish | source
function __reveille_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found (reveille __complete -- $words[2..-1] 2>/dev/null)
    if test "$found[1]" = ':files'
        __fish_complete_path (commandline -ct)
    else
        string join \\n -- $found
    end
end
complete -c reveille -f -a '(__reveille_complete)'
`

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

/** A script for each shell; all of them ask \`reveille __complete\`. */
export const COMPLETION_SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
