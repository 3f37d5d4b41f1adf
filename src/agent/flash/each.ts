/**
 * Does `act` for every item, `width` at a time, in order of beginning. The first failure, or the signal, keeps further ones from being
 * begun; it rejects only after all that were begun have ended, so nothing is still being written then.
 */
export async function each<T>(
  items: Iterable<T>,
  width: number,
  stopped: AbortSignal,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed: { error: unknown } | undefined
  const lane = async () => {
    while (!failed && !stopped.aborted) {
      const { done, value } = iterator.next()
      if (done) return
      try {
        await act(value)
      } catch (error) {
        failed ??= { error }
      }
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
  if (failed) throw failed.error
  stopped.throwIfAborted()
}
