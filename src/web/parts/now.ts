import { useSyncExternalStore } from 'react'

let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const watchers = new Set<() => void>()

/** The time of the last tick; without a tick, because nothing watched, the time itself. */
function current(): number {
  if (timer === undefined && Date.now() - now >= 1000) now = Date.now()
  return now
}

function watch(watcher: () => void): () => void {
  watchers.add(watcher)
  timer ??= setInterval(() => {
    now = Date.now()
    for (const each of watchers) each()
  }, 1000)
  return () => {
    watchers.delete(watcher)
    if (watchers.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

/** A text that depends on the time (milliseconds); one tick a second serves the page, and only a changed text is drawn. */
export function useTextOfNow(write: (now: number) => string): string {
  return useSyncExternalStore(watch, () => write(current()))
}
