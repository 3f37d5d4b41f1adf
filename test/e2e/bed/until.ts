/** What is fast on a quiet computer may take this long on a busy one; a shorter wait would only tell which it was. */
const LEAST_MS = 60_000

/** Asks every `pauseMs` until the answer is not `undefined`; after `ms`, or a minute if that is longer, it is an error that says what was waited for. */
export async function until<T>(
  what: string,
  ms: number,
  ask: () => T | undefined | Promise<T | undefined>,
  pauseMs = 100,
): Promise<T> {
  const deadline = performance.now() + Math.max(ms, LEAST_MS)
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > deadline) throw new Error(`waited ${Math.max(ms, LEAST_MS) / 1000} s in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
