import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CliCommand } from '../../src/cli/command.ts'
import { buildProgram } from '../../src/cli/program.ts'
import { SETTINGS } from '../../src/config/describe.ts'
import { CONTEXT } from './generated.ts'

const inFolder = (folder: string) => readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)))
const DOCUMENTS = ['README.md', ...inFolder('docs'), ...inFolder('recipes')].filter((path) =>
  /(?<!cli)\.md$/.test(path),
)
const program = buildProgram(CONTEXT, SETTINGS, '')

/** The command lines in blocks of a document: what a shell would make of quotes, and nothing behind `|`, `#`, `;` or `>`. */
function commandLines(text: string): string[][] {
  const blocks = [...text.matchAll(/^```(?:sh)?\n([\s\S]*?)^```/gm)].map(([, block = '']) => block)
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'))
  return lines.flatMap((line) => {
    const command = /(?:^|[\s(/])reveille (.*)$/.exec(line)?.[1]
    if (command === undefined || line.startsWith('#')) return []
    const words = [...command.matchAll(/"[^"]*"|'[^']*'|[^\s"']+/g)].map(([word]) => word)
    const end = words.findIndex((word) => /^[|#;>&)]|^\|\|$|^2>/.test(word))
    return [(end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/[;)]+$/, ''))]
  })
}

/** What of a command line there is not; empty when all of it is. */
function unknown(words: readonly string[]): string {
  let command: CliCommand = program
  let expects = false
  for (const word of words) {
    if (expects) expects = false
    else if (/^-./.test(word)) {
      const [flag = ''] = word.split('=')
      const option = command.options.find(({ long, short }) => long === flag || short === flag)
      if (!option && flag !== '--help') return `${command.path} has no ${flag}`
      expects = option?.required === true && !word.includes('=')
    } else {
      const next = command.parts.find((part) => part.name() === word || part.aliases().includes(word))
      if (next) command = next
      else if (command.parts.length > 0 && command.registeredArguments.length === 0)
        return `${command.path} has no ${word}`
    }
  }
  return ''
}

describe('commands in documents', () => {
  test('are found at all', () => {
    expect(commandLines('```sh\nA=$(reveille volume list --json | sed x)\n```\n')).toEqual([
      ['volume', 'list', '--json'],
    ])
    expect(unknown(['volume', 'explode'])).toBe('volume has no explode')
    expect(unknown(['volume', 'list', '--colour'])).toBe('volume list has no --colour')
  })

  test.each(DOCUMENTS)('%s names only commands and options that exist', (path) => {
    const wrong = commandLines(readFileSync(path, 'utf8')).map((words) => [words.join(' '), unknown(words)])
    expect(wrong.filter(([, what]) => what !== '')).toEqual([])
  })
})
