import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { VolumeLedger } from './ledger.ts'
import type { VolumePool } from './pool.ts'
import type { Volume } from './volume.ts'

type Around = Readonly<{ ledger: VolumeLedger; pool: VolumePool; log: Log }>

/**
 * Brings store and pool together after a start: finishes or takes back what was under way, makes again what is missing and was never
 * written to, and calls `damaged` what is missing otherwise. Volumes of the pool that the store does not know are told and left alone:
 * no crash makes any, so somebody restored an older store. A pool that has none of many volumes is another one, or its disk is not mounted:
 * then nothing is touched, and the sentence that is returned says so.
 */
export async function reconcile(around: Around): Promise<string | undefined> {
  const { ledger, pool, log } = around
  const stray = await refuseOther(around)
  if (stray !== undefined) return stray
  for (const volume of ledger.volumes())
    if (volume.pending)
      try {
        await settle(volume, around)
      } catch (error) {
        log.error(
          { volume: volume.id, pending: volume.pending.kind, error },
          'a change under way could not be finished',
        )
      }
  const kept = new Set(await pool.list())
  for (const { id, frozen } of ledger.volumes()) {
    if (frozen.length === 0) continue
    for (const name of frozen) await unlessGone(pool.removeSnapshot(id, name))
    await ledger.change(id, { frozen: [] })
  }
  for (const volume of ledger.volumes()) {
    const here = kept.delete(volume.id)
    if (here || volume.pending || volume.condition === 'damaged') continue
    if (volume.untouched && volume.snapshots.length === 0 && (await madeAnew(volume, around))) {
      log.warn(
        { volume: volume.id, name: volume.name },
        'a volume was missing and is made anew: nobody had written to it',
      )
    } else {
      await ledger.change(volume.id, { condition: 'damaged' })
      log.error({ volume: volume.id, name: volume.name }, 'the content of a volume is missing')
    }
  }
  const unknown = [...kept].filter((id) => id.startsWith('v_'))
  if (unknown.length > 0)
    log.warn(
      { volumes: unknown.slice(0, 20), count: unknown.length },
      'the pool has volumes that nobody knows; they stay',
    )
  return undefined
}

async function madeAnew(volume: Volume, { pool, log }: Around): Promise<boolean> {
  try {
    await pool.create(volume.id, volume)
    return true
  } catch (error) {
    log.error({ volume: volume.id, error }, 'a volume that was missing could not be made anew')
    return false
  }
}

async function refuseOther({ ledger, pool, log }: Around): Promise<string | undefined> {
  const known = ledger
    .volumes()
    .filter(({ pending, untouched, condition }) => pending === null && !untouched && condition !== 'damaged')
  if (known.length === 0) return undefined
  const kept = new Set(await pool.list())
  if (known.some(({ id }) => kept.has(id))) return undefined
  const missing = `${known.length} ${known.length === 1 ? 'volume that was' : 'volumes that were'} written to`
  const problem = `the pool of volumes (${pool.kind}) has none of the ${missing}: is its disk mounted, and are volumes.pool, volumes.directory and iscsi.engine as before?`
  log.error({ pool: pool.kind, missing: known.length }, 'the pool of volumes has none of the volumes that are known')
  return problem
}

/** Finishes or takes back one change. */
async function settle(volume: Volume, { ledger, pool, log }: Around): Promise<void> {
  const { id, pending } = volume
  if (!pending) return
  log.info({ volume: id, pending: pending.kind }, 'a change was under way when the server stopped')
  switch (pending.kind) {
    case 'create':
    case 'remove':
      await pool.remove(id)
      await ledger.write({ remove: { volumes: [id] } })
      return
    case 'recreate':
      await pool.remove(id)
      await pool.create(id, volume)
      await ledger.change(id, { pending: null, snapshots: [], active: null, untouched: true })
      return
    case 'restore':
      await ledger.change(id, { pending: null, condition: 'damaged' })
      return
    case 'snapshot':
      await unlessGone(pool.removeSnapshot(id, pending.name))
      await ledger.change(id, { pending: null })
      return
    case 'remove-snapshot':
      await unlessGone(pool.removeSnapshot(id, pending.name))
      await ledger.change(id, { pending: null, ...without(volume, pending.name) })
      return
    case 'revert':
      await pool.revert(id, pending.snapshot)
      await ledger.change(id, { pending: null, active: pending.snapshot })
      return
    case 'resize':
      await pool.resize(id, pending.bytes)
      await ledger.change(id, { pending: null, bytes: pending.bytes })
      return
    case 'limit':
      await pool.limit(id, pending.limitBytes)
      await ledger.change(id, { pending: null, limitBytes: pending.limitBytes })
  }
}

/** What is said of a volume once a snapshot of it is gone: its content stays, so that it goes on from the one before. */
export function without(volume: Volume, snapshot: string): Pick<Volume, 'snapshots' | 'active'> {
  const at = volume.snapshots.findIndex(({ name }) => name === snapshot)
  const before = volume.snapshots[at - 1]?.name ?? null
  return {
    snapshots: volume.snapshots.filter(({ name }) => name !== snapshot),
    active: volume.active === snapshot ? before : volume.active,
  }
}

/**
 * Makes a change that is noted in `ledger`. The pool refuses it while somebody reads the volume: then nothing was changed, and the note
 * must go, or the next start would make the change after all.
 */
export async function unlessOpen<T>(ledger: VolumeLedger, before: Volume, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'in-use')) throw error
    const { id, name, pending, base, bytes } = before
    await ledger.change(id, { pending, base, bytes })
    throw new Refusal('in-use', `the volume ${name} is open: it is published, dumped or read in another way`, {
      next: 'wait for that: reveille volume jobs',
    })
  }
}

export async function unlessGone(work: Promise<void>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (!(error instanceof Refusal && error.code === 'not-found')) throw error
  }
}
