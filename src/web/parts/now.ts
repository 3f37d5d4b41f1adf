import { useSyncExternalStore } from 'react'

let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const watchers = new Set<() => void>()

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

/** The time in milliseconds, at one tick a second for the whole page. */
export function useNow(): number {
  return useSyncExternalStore(watch, () => now)
}

/** Like `useNow`, but the component is drawn again only when the text changes. */
export function useTextOfNow(write: (now: number) => string): string {
  return useSyncExternalStore(watch, () => write(now))
}
