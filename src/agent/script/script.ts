import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bytesOf, ROOTS } from '../inventory/tree.ts'
import { type Around, TaskFailure, type TaskOf, type TaskRunner } from '../task.ts'

const MOST_LINES = 10_000
const MOST_LINE = 2000
const TAIL_LINES = 20

/**
 * Runs an operator's shell script as root of the management OS; what it prints goes to the log. A script may write to disks: whether one
 * did is told from the counters of the kernel, and a failed script that did leaves the machine not clean.
 */
export const runScript: TaskRunner<TaskOf<'script'>> = async ({ script, timeoutSeconds }, around) => {
  const before = await sectorsWritten()
  const { status, why, tail } = await runShell(script, { seconds: timeoutSeconds, ...around })
  const wrote = [...(await sectorsWritten())]
    .filter(([disk, sectors]) => sectors !== before.get(disk))
    .map(([disk]) => disk)
  const detail = { status, wroteTo: wrote, output: tail }
  if (status === 0) return { summary: 'The script ended well', clean: true, detail }
  around.stopped.throwIfAborted()
  throw new TaskFailure(`The script failed: ${why}. Its last words: ${tail.at(-1) ?? 'none'}`, {
    clean: wrote.length === 0,
    detail,
  })
}

/** Runs text by `/bin/sh` with no input. The whole group of processes ends with it, in time or aborted. */
export async function runShell(
  script: string,
  { seconds, log, stopped, shell = '/bin/sh' }: { seconds: number; shell?: string } & Pick<Around, 'log' | 'stopped'>,
): Promise<{ status: number | null; why: string; tail: string[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'reveille-script-'))
  const file = join(folder, 'script')
  await writeFile(file, script, { mode: 0o700 })
  const tail: string[] = []
  let lines = 0
  const tell = (line: string) => {
    lines++
    tail.push(line)
    if (tail.length > TAIL_LINES) tail.shift()
    if (lines <= MOST_LINES) log('info', line)
    if (lines === MOST_LINES) log('warn', 'the script says too much: the rest is left out')
  }
  try {
    return await new Promise((resolve) => {
      const child = spawn(shell, [file], {
        cwd: folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env.PATH, HOME: '/root', LC_ALL: 'C' },
      })
      const kill = () => {
        try {
          if (child.pid) process.kill(-child.pid, 'SIGKILL')
        } catch {
          // It has ended by itself.
        }
      }
      let late = false
      const timer = setTimeout(() => {
        late = true
        kill()
      }, seconds * 1000)
      stopped.addEventListener('abort', kill, { once: true })
      const streams = [child.stdout, child.stderr].map((stream) => inLines(stream, tell))
      const end = (status: number | null, why: string) => {
        clearTimeout(timer)
        stopped.removeEventListener('abort', kill)
        kill()
        for (const flush of streams) flush()
        resolve({ status, why, tail })
      }
      child.on('error', (error) => end(null, error.message))
      // What it left running in the background does not count: `exit`, not `close`.
      child.on('exit', (status, signal) => {
        const why = late
          ? `it was not done after ${seconds} seconds`
          : signal
            ? `it was ended by ${signal}`
            : `it ended with ${status}`
        setImmediate(() => end(status, why))
      })
      if (stopped.aborted) kill()
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Calls `tell` for every line, cut to a bound; the returned function gives the unfinished last one. */
function inLines(stream: NodeJS.ReadableStream, tell: (line: string) => void): () => void {
  let rest = ''
  stream.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, MOST_LINE)
    for (const line of lines) tell(line.slice(0, MOST_LINE))
  })
  return () => {
    if (rest !== '') tell(rest)
    rest = ''
  }
}

/** Sectors written to each disk so far: the tenth field of a line (kernel documentation, admin-guide/iostats). */
async function sectorsWritten(): Promise<Map<string, number>> {
  const text = Buffer.from((await bytesOf(ROOTS.proc, 'diskstats')) ?? []).toString('latin1')
  const fields = text.split('\n').map((line) => line.trim().split(/\s+/))
  return new Map(
    fields
      .filter((each) => each.length > 9 && !/^(loop|ram|zram)/.test(each[2]!))
      .map((each) => [each[2]!, Number(each[9])]),
  )
}
