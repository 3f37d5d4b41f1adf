import { execFile } from 'node:child_process'
import { Refusal } from '../kit/errors.ts'

export type Outcome = Readonly<{ code: number; stdout: string; stderr: string }>

/** Runs a program to its end. A program that is not there gives code 127, as a shell would say. */
export function run(command: string, args: readonly string[], options: { cwd?: string } = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(
      command,
      [...args],
      { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024, timeout: 120_000, ...options },
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
  })
}

/** Like `run`, but failure is a `Refusal` that says which command failed and what it printed. */
export async function runOrFail(
  command: string,
  args: readonly string[],
  options: { cwd?: string } = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, args, options)
  if (code !== 0)
    throw new Refusal('not-available', `${command} ${args.join(' ')}: ${stderr.trim() || `status ${code}`}`)
  return stdout
}
