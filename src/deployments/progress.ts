import type { Task, TaskProgress } from './deployment.ts'

/** What the agent says of its task each second. Bytes. */
export type Report = Readonly<{
  phase: string
  doneBytes: number
  totalBytes: number
  fetchedBytes: number
  writtenBytes: number
  dirty: boolean
}>

/** How much of the rate is the newest second's: about ten seconds are looked at. */
const NEWEST = 0.2

/** Progress with rate and time left, smoothed over what was heard before in the same phase. */
export function heardProgress(before: TaskProgress | null, report: Report, now: number): TaskProgress {
  const { phase, doneBytes, totalBytes, fetchedBytes, writtenBytes } = report
  const same = before !== null && before.phase === phase && before.doneBytes <= doneBytes
  const seconds = same ? (now - before.at) / 1000 : 0
  let bytesPerSecond = same ? before.bytesPerSecond : 0
  if (same && seconds > 0) {
    const newest = (doneBytes - before.doneBytes) / seconds
    bytesPerSecond = before.bytesPerSecond === 0 ? newest : before.bytesPerSecond * (1 - NEWEST) + newest * NEWEST
  }
  const left = Math.max(0, totalBytes - doneBytes)
  const secondsLeft = totalBytes > 0 && bytesPerSecond > 0 ? Math.ceil(left / bytesPerSecond) : null
  return { phase, doneBytes, totalBytes, fetchedBytes, writtenBytes, bytesPerSecond, secondsLeft, at: now }
}

/** The state of a deployment while its task is in this phase. `dirty`: whether this task has begun to write. */
export function stateDuring(task: Task, phase: string, dirty: boolean): 'running' | 'writing' | 'verifying' {
  if (task.work.kind === 'flash' && /^verif/i.test(phase)) return 'verifying'
  return dirty ? 'writing' : 'running'
}
