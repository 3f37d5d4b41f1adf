import { spawn } from 'node:child_process'

export type ProgramEnd = Readonly<{ status: number; stdout: string; stderr: string }>

/** What a program could not do: `words` are what it said last. */
export class ProgramError extends Error {
  override name = 'ProgramError'
  readonly words: string

  constructor(program: string, words: string) {
    super(`${program}: ${words}`)
    this.words = words
  }
}

const MOST_OUTPUT = 1024 * 1024

/**
 * Runs a program to its end. `good`: exit statuses that are no failure. Late, aborted, missing or failed: a `ProgramError` (aborted: the
 * signal's reason). Does not wait for a process that a dead disk holds.
 */
export function runProgram(
  program: string,
  args: readonly string[],
  {
    seconds,
    good = [0],
    signal,
    input = '',
  }: { seconds: number; good?: readonly number[]; signal?: AbortSignal; input?: string },
): Promise<ProgramEnd> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted()
    const child = spawn(program, args, { stdio: 'pipe', env: { PATH: process.env.PATH, LC_ALL: 'C' } })
    const out: [string, string] = ['', '']
    for (const [i, stream] of [child.stdout, child.stderr].entries())
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (out[i]!.length < MOST_OUTPUT) out[i] += text
      })
    const leave = (why: unknown) => {
      child.kill('SIGKILL')
      child.stdout.destroy()
      child.stderr.destroy()
      child.unref()
      end(() => reject(why))
    }
    const timer = setTimeout(
      () => leave(new ProgramError(program, `not done after ${seconds} seconds`)),
      seconds * 1000,
    )
    const aborted = () => leave(signal?.reason)
    const end = (then: () => void) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      then()
    }
    signal?.addEventListener('abort', aborted, { once: true })
    child.on('error', (error: NodeJS.ErrnoException) =>
      end(() => reject(new ProgramError(program, error.code === 'ENOENT' ? 'it is missing here' : error.message))),
    )
    child.on('close', (status, killed) =>
      end(() => {
        if (status !== null && good.includes(status)) return resolve({ status, stdout: out[0], stderr: out[1] })
        const words = (out[1].trim() || out[0].trim()).split('\n').slice(-3).join('; ').slice(0, 500)
        reject(new ProgramError(program, words || `ended with ${status ?? killed}`))
      }),
    )
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}
