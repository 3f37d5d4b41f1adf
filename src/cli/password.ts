import { readFile } from 'node:fs/promises'
import type { Context } from './context.ts'
import { WrongUse } from './failure.ts'

/** A new password: asked for twice on a terminal, one line of a pipe, or the first line of a file. Never an argument: others could read it there. */
export async function newPassword(context: Context, file?: string): Promise<string> {
  const password =
    file === undefined
      ? await context.terminal.secret('New password: ')
      : ((await readFile(file, 'utf8')).split(/\r?\n/)[0] ?? '')
  if (password === '') throw new WrongUse('no password was given; type one, or pipe it in on one line')
  const isAsked = file === undefined && context.terminal.progress && process.stdin.isTTY
  if (isAsked && (await context.terminal.secret('Again: ')) !== password) throw new WrongUse('the two passwords differ')
  return password
}
