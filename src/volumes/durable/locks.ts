import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { absentAsUndefined } from '../../images/durable/files.ts'
import { Refusal } from '../../kit/errors.ts'
import { tryLock } from './libc.ts'

const POLL_MS = 25

/** A lock that is held until it is let go or the process ends. */
export type HeldLock = Readonly<{ release(): Promise<void> }>

/**
 * Locks a file (made if it is missing) or a directory against other processes and against this one. Waits at most `waitMs` for others, then
 * refuses (`in-use`) with `what`; `not-found` when its directory went.
 */
export async function lockFile(
  path: string,
  mode: 'shared' | 'exclusive',
  { waitMs, what, directory = false }: Readonly<{ waitMs: number; what: string; directory?: boolean }>,
): Promise<HeldLock> {
  const until = performance.now() + waitMs
  const flags = directory ? constants.O_RDONLY | constants.O_DIRECTORY : constants.O_RDWR | constants.O_CREAT
  for (;;) {
    const file = await absentAsUndefined(open(path, flags, 0o600))
    if (!file) throw new Refusal('not-found', `${what} does not exist`)
    const held = await tryHeld(file, path, mode)
    if (held === 'held') return { release: () => file.close() }
    await file.close()
    if (held === 'gone') continue
    if (performance.now() >= until)
      throw new Refusal('in-use', `${what} is open elsewhere`, { next: 'end what uses it, then try again' })
    await sleep(POLL_MS)
  }
}

/** Whoever waited for a lock may have got it on something that was removed meanwhile. */
async function tryHeld(
  file: FileHandle,
  path: string,
  mode: 'shared' | 'exclusive',
): Promise<'held' | 'busy' | 'gone'> {
  try {
    if (!tryLock(file.fd, mode)) return 'busy'
    const [mine, there] = await Promise.all([file.stat(), absentAsUndefined(stat(path))])
    return there?.ino === mine.ino ? 'held' : 'gone'
  } catch (error) {
    await file.close()
    throw error
  }
}
