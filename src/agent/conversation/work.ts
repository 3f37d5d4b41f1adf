import { setTimeout as sleep } from 'node:timers/promises'
import { type AgentProgress, type AgentTask, Heard, Next, type Result } from '../../api/contract/agent.ts'
import { type Around, type Outcome, TaskFailure, type TaskRunner, type TaskRunners } from '../task.ts'
import type { LogStream } from './log.ts'
import { AskRefused, BootOver, type Talk } from './talk.ts'
import { ServerChunks, ServerUploads } from './transfer.ts'

/** How often progress and log go to the server while a task runs. */
const EVERY_MS = 1000
const LONGEST_SUMMARY = 2000
const STOPPED = 'stopped, as the server asked'

type WorkOptions = Readonly<{
  talk: Talk
  log: LogStream
  runners: TaskRunners
  /** Opens a terminal for an operator, unless one is open. */
  openShell: () => void
  /** Shows what is waited for; called with each new reason. */
  waiting: (reason: string) => void
  everyMs?: number
}>

type Ended = Readonly<{ result: Result; afterwards?: (() => Promise<void>) | undefined }>

/**
 * Asks what to do and does it, one task after the other, until the machine restarts or the boot is over (`BootOver`). A task that was
 * done is not done again, should its result have been lost on the way.
 */
export async function work(options: WorkOptions): Promise<never> {
  const { talk, log, openShell, waiting } = options
  const done = new Map<string, Ended>()
  let told = ''
  for (;;) {
    const next = await talk.ask('next', {}, Next)
    if (next.do === 'wait') {
      if (next.reason !== told) waiting(next.reason)
      told = next.reason
      if (next.shell) openShell()
      await Promise.all([sleep(next.seconds * 1000), log.flush()])
      continue
    }
    told = ''
    const ended = done.get(next.id) ?? (await runTask(next.id, next.task, options))
    done.set(next.id, ended)
    await log.flush()
    try {
      await talk.tell(`tasks/${next.id}/result`, ended.result)
    } catch (error) {
      // It knows better by now, for the order was cancelled: what to do next it will say.
      if (!(error instanceof AskRefused)) throw error
      log.say('warn', `the server did not take the result: ${error.message}`)
      await sleep(EVERY_MS)
      continue
    }
    await ended.afterwards?.()
  }
}

/** Does one task and tells how it goes meanwhile. Whatever goes wrong in it becomes a failed result. */
async function runTask(id: string, task: AgentTask, options: WorkOptions): Promise<Ended> {
  const { talk, log, runners, openShell, everyMs = EVERY_MS } = options
  const stop = new AbortController()
  const traffic = { bytes: 0 }
  const now = { phase: '', doneBytes: 0, totalBytes: 0, writtenBytes: 0, dirty: false }
  const path = `tasks/${id}/progress`
  const body = (): AgentProgress => ({ ...now, phase: now.phase.slice(0, 100), fetchedBytes: traffic.bytes })
  let over: BootOver | undefined
  /** Whether a byte may have been written. */
  let dirty = false

  const heed = ({ stop: wanted, shell }: Heard) => {
    if (wanted && !stop.signal.aborted) {
      log.say('warn', 'the server asks to stop: leaving the task at the next safe point')
      stop.abort(new TaskFailure(STOPPED, { detail: { stopped: true } }))
    }
    if (shell) openShell()
  }

  const around: Around = {
    chunks: new ServerChunks(talk, stop.signal, traffic, (text) => log.say('warn', text)),
    uploads: new ServerUploads(talk, stop.signal, traffic),
    progress: (news) => void Object.assign(now, news),
    log: (level, text) => log.say(level, text),
    stopped: stop.signal,
    async markDirty() {
      if (dirty) return
      // From here on no report says otherwise, in whatever order they arrive.
      now.dirty = true
      heed(await talk.ask(path, body(), Heard, stop.signal))
      stop.signal.throwIfAborted()
      dirty = true
    },
  }

  let running = true
  const wake = new AbortController()
  const tell = async () => {
    while (running) {
      try {
        const heard = await talk.askOnce(path, body(), Heard)
        if (heard) heed(heard)
        void log.flush().catch(() => undefined)
      } catch (error) {
        // The task is not this boot's any more: nothing it does is wanted.
        if (error instanceof BootOver) over = error
        stop.abort(new TaskFailure(error instanceof Error ? error.message : String(error)))
        return
      }
      await sleep(everyMs, undefined, { signal: wake.signal }).catch(() => undefined)
    }
  }
  const telling = tell()
  log.show('info', `task ${task.kind} begins`)
  try {
    // Each kind has the runner for it: the compiler cannot see that through the union.
    const run = runners[task.kind] as TaskRunner
    const outcome = await run(task, around)
    log.show('info', outcome.summary)
    return succeeded(outcome)
  } catch (error) {
    if (over) throw over
    if (error instanceof BootOver) throw error
    const result = failed(task.kind, error, dirty, stop.signal)
    log.show('error', result.summary)
    return { result }
  } finally {
    running = false
    wake.abort()
    await telling
  }
}

function succeeded({ summary, clean, detail, afterwards }: Outcome): Ended {
  return { result: { ok: true, summary: summary.slice(0, LONGEST_SUMMARY), clean, detail: { ...detail } }, afterwards }
}

function failed(kind: AgentTask['kind'], thrown: unknown, dirty: boolean, stopped: AbortSignal): Result {
  const error = stopped.aborted && isAbort(thrown) ? (stopped.reason as unknown) : thrown
  if (error instanceof TaskFailure)
    return {
      ok: false,
      summary: error.message.slice(0, LONGEST_SUMMARY),
      clean: error.clean ?? !dirty,
      detail: { ...error.detail },
    }
  const what = error instanceof Error ? error.message : String(error)
  return {
    ok: false,
    summary: `the agent failed at the task ${kind}: ${what}`.slice(0, LONGEST_SUMMARY),
    clean: !dirty,
    detail: { fault: true },
  }
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError'
}
