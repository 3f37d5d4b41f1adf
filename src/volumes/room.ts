import { Refusal } from '../kit/errors.ts'
import type { PoolUsage } from './pool.ts'

/** The settings `volumes.warnPercent` and `volumes.refusePercent`. */
export type Thresholds = Readonly<{ warnPercent: number; refusePercent: number }>

export type Room = Readonly<{ state: 'ok' | 'warning' | 'full'; percent: number; detail: string }>

/** How full a pool is, and what follows. */
export function judgeRoom({ totalBytes, freeBytes }: PoolUsage, { warnPercent, refusePercent }: Thresholds): Room {
  const percent = totalBytes > 0 ? Math.round((100 * (totalBytes - freeBytes)) / totalBytes) : 100
  const so = `${percent}% is in use`
  if (percent >= refusePercent)
    return { state: 'full', percent, detail: `${so}: from ${refusePercent}% on, no new volumes are made` }
  if (percent >= warnPercent)
    return { state: 'warning', percent, detail: `${so}: from ${refusePercent}% on, no new volumes will be made` }
  return { state: 'ok', percent, detail: so }
}

export function refuseIfFull({ state, detail }: Room): void {
  if (state === 'full')
    throw new Refusal('no-space', `the pool of volumes is too full for another one: ${detail}`, {
      next: 'delete volumes or snapshots, give the pool more space, or raise volumes.refusePercent',
    })
}
