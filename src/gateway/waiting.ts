import { Refusal } from '../kit/errors.ts'
import { BACK_END_DEADLINE_MS } from './back-end.ts'

/** What work comes to, if it does within a time; else `undefined`, and the work goes on. */
export async function firstOf<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** A back end that never answers must not hold a client for ever. */
export async function withDeadline<T>(work: Promise<T>, name: string): Promise<T> {
  const done = await firstOf(
    work.then((value) => ({ value })),
    BACK_END_DEADLINE_MS,
  )
  if (done) return done.value
  throw new Refusal('not-available', `what reaches ${name} did not answer within ${BACK_END_DEADLINE_MS / 1000} s`)
}
