import { CommanderError } from 'commander'
import { ApiProblem } from '../api/client/problem.ts'
import { Refusal } from '../kit/errors.ts'
import { printable } from '../kit/printable.ts'

/** The command was called in a way that cannot be meant: exit status 2. */
export class WrongUse extends Error {
  override name = 'WrongUse'
}

/** It worked, and what it found is a failure: everything has been said already. */
export class Unsuccessful extends Error {
  override name = 'Unsuccessful'
}

export type Failure = Readonly<{ status: 0 | 1 | 2; lines: readonly string[] }>

/** A capital at its beginning, unless that is a name, a path or an address. */
function sentence(text: string): string {
  const line = printable(text.trim())
  return /^[a-z]+[ ,]/.test(line) ? `${line.charAt(0).toUpperCase()}${line.slice(1)}` : line
}

function told(error: {
  message: string
  next?: string | undefined
  problems: readonly { path: string; message: string }[]
}): string[] {
  const problems = error.problems
    .slice(0, 20)
    .map(({ path, message }) => `  ${path ? `${printable(path)}: ` : ''}${printable(message)}`)
  const more = error.problems.length > 20 ? [`  ... and ${error.problems.length - 20} more`] : []
  return [`reveille: ${sentence(error.message)}`, ...problems, ...more, ...(error.next ? [sentence(error.next)] : [])]
}

/** What is said of an error and the exit status: 0 ok, 1 failed, 2 wrong use. Never a stack. */
export function explainFailure(error: unknown): Failure {
  // Commander has printed its message or the help that was asked for.
  if (error instanceof CommanderError) return { status: error.exitCode === 0 ? 0 : 2, lines: [] }
  if (error instanceof WrongUse) return { status: 2, lines: [`reveille: ${error.message}`] }
  if (error instanceof Unsuccessful) return { status: 1, lines: error.message ? [`reveille: ${error.message}`] : [] }
  if (error instanceof ApiProblem || error instanceof Refusal) return { status: 1, lines: told(error) }
  if (error instanceof Error && 'code' in error && 'path' in error)
    return { status: 1, lines: [`reveille: ${error.path}: ${fileTrouble(String(error.code))}`] }
  const message = error instanceof Error ? error.message : String(error)
  return { status: 1, lines: [`reveille: ${sentence(message)}`] }
}

function fileTrouble(code: string): string {
  const words: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file',
    EACCES: 'you may not read or write it',
    EISDIR: 'it is a directory',
    ENOSPC: 'the disk is full',
    ENOTDIR: 'a part of the path is not a directory',
  }
  return words[code] ?? code
}
