import { execFile } from 'node:child_process'
import { Refusal } from '../kit/errors.ts'

export type Outcome = Readonly<{ code: number; stdout: string; stderr: string }>

/** `timeoutMs`: the program is ended then; two minutes if left out. `env` is added to our own environment. `signal` ends it too. `input` is what it reads. */
export type RunOptions = Readonly<{
  cwd?: string
  timeoutMs?: number
  env?: Readonly<Record<string, string>>
  signal?: AbortSignal | undefined
  input?: string
}>

const TIMEOUT_MS = 120_000
const MOST_OUTPUT = 16 * 1024 * 1024

/** Runs a program to its end. A program that is not there gives code 127, as a shell would say. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { cwd, timeoutMs = TIMEOUT_MS, env, signal, input } = options
  return new Promise((resolve) => {
    const child = execFile(
      command,
      [...args],
      {
        encoding: 'utf8',
        maxBuffer: MOST_OUTPUT,
        timeout: timeoutMs,
        cwd,
        signal,
        env: env ? { ...process.env, ...env } : undefined,
      },
      (error, stdout, stderr) => {
        if (!error) return resolve({ code: 0, stdout, stderr })
        const missing = error.code === 'ENOENT'
        resolve({
          code: missing ? 127 : typeof error.code === 'number' ? error.code : 1,
          stdout,
          stderr: missing ? `${command}: not found` : stderr || error.message,
        })
      },
    )
    if (input === undefined) return
    // A program that ends without reading is told of by its status.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
  })
}

/** Like `run`, but failure is a `Refusal` that says which command failed and what it printed. */
export async function runOrFail(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options)
  if (code !== 0)
    throw new Refusal('not-available', `${command} ${args.join(' ')}: ${stderr.trim() || `status ${code}`}`)
  return stdout
}
