import { Refusal } from '../kit/errors.ts'

/** The result of the work, or a `Refusal` (`not-available`) when it takes longer. The work itself goes on. */
export async function withinDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refusal('not-available', `no answer within ${Math.ceil(ms / 1000)} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
