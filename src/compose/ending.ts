import { once } from 'node:events'
import type { Refusal } from '../kit/errors.ts'

export type Taken = (why: Refusal) => void

/** When a server stops: it was told to (SIGINT, SIGTERM), or `giveUp` says why it must. Then `ended` rejects with that. */
export function ending(): Readonly<{ ended: Promise<unknown>; giveUp: Taken }> {
  let giveUp!: Taken
  const given = new Promise<never>((_, reject) => {
    giveUp = reject
  })
  const ended = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), given])
  // It may come before anybody waits.
  ended.catch(() => undefined)
  return { ended, giveUp }
}
