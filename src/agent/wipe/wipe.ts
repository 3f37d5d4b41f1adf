import type { Disk } from '../disk/disk.ts'
import { chooseDisk, listDisks, openTaskDisk } from '../disk/find.ts'
import { readSmbios } from '../inventory/computer.ts'
import { ROOTS } from '../inventory/tree.ts'
import { ProgramError } from '../program.ts'
import { type Around, TaskFailure, type TaskOf, type TaskRunner } from '../task.ts'
import { abilitiesOf, erase } from './erase.ts'
import { type Abilities, chooseMethod, GUARANTEES, type Method } from './methods.ts'
import { compareSamples, edgesAreZero, readSamples, samplePlaces } from './samples.ts'

/** What is known of a wipe: `result.detail` of the task, whole enough to print. Times: milliseconds since 1970. */
export type WipeCertificate = Readonly<{
  machine: Readonly<{ manufacturer: string | null; product: string | null; serial: string | null; uuid: string | null }>
  disk: Readonly<{ name: string; serial: string | null; model: string | null; bytes: number; partition: number | null }>
  asked: string
  method: Method
  /** Why this method. */
  why: string
  /** The commands in words. */
  done: string
  startedAt: number
  endedAt: number
  samples: Readonly<{
    count: number
    bytes: number
    zero: number
    changed: number
    unchanged: number
    edgesZero: boolean
  }>
  outcome: 'passed' | 'failed'
  means: string
  doesNotMean: string
}>

/**
 * Makes a disk forget. The only way back is a backup: it must be the armed disk (serial, size, fingerprint). Done again after a power
 * cut it starts anew. A wipe that does not read back as one has failed.
 */
export const runWipe: TaskRunner<TaskOf<'wipe'>> = async ({ disk: wanted, method: asked }, around) => {
  const listed = chooseDisk(await listDisks(), wanted)
  const able = await abilitiesOf(listed.path)
  const { method, why } = chosen(
    asked,
    wanted.partition === null ? able : { ...able, erase: null, discards: false, whyNot: 'it is a partition' },
  )
  const disk = await openTaskDisk(wanted, { write: true })
  const { manufacturer, product, serial, uuid } = await readSmbios(ROOTS)
  const instead = (error: unknown): undefined => {
    if (asked !== 'auto' || method === 'overwrite' || !(error instanceof TaskFailure)) throw error
    around.log('warn', error.message)
  }
  try {
    let used: { method: Method; why: string; proof: Proof | undefined } = {
      method,
      why,
      proof: await wipeDisk(disk, listed.path, method, able, around).catch(instead),
    }
    if (asked === 'auto' && method !== 'overwrite' && used.proof?.outcome !== 'passed') {
      around.log('warn', `${method} did not make ${disk.name} forget: it is overwritten`)
      const proof = await wipeDisk(disk, listed.path, 'overwrite', able, around)
      used = { method: 'overwrite', why: `${method} was tried first and did not do`, proof }
    }
    const proof = used.proof!
    const certificate: WipeCertificate = {
      machine: { manufacturer, product, serial, uuid },
      disk: {
        name: listed.name,
        serial: listed.serial,
        model: listed.model,
        bytes: disk.bytes,
        partition: wanted.partition,
      },
      asked,
      method: used.method,
      why: used.why,
      ...proof,
      ...GUARANTEES[used.method],
    }
    const what = `${disk.name} (serial ${listed.serial})`
    const looked = `${proof.samples.count} places were read back`
    if (proof.outcome === 'failed')
      throw new TaskFailure(
        `${what} is not wiped: ${looked}, ${proof.samples.unchanged} hold what they held before. Try another method`,
        {
          clean: false,
          detail: certificate,
        },
      )
    return { summary: `Wiped ${what} by ${used.method}: ${proof.done}; ${looked}`, clean: true, detail: certificate }
  } finally {
    await disk.close()
  }
}

function chosen(asked: TaskOf<'wipe'>['method'], able: Abilities): { method: Method; why: string } {
  try {
    return chooseMethod(asked, able)
  } catch (error) {
    if (error instanceof RangeError) throw new TaskFailure(error.message, { clean: true })
    throw error
  }
}

type Proof = Pick<WipeCertificate, 'done' | 'startedAt' | 'endedAt' | 'samples' | 'outcome'>

/** Looks, wipes and looks again. All but an erase by the disk itself must read as zeros; that one may read as noise, never as before. */
export async function wipeDisk(
  disk: Disk,
  path: string,
  method: Method,
  able: Abilities,
  around: Pick<Around, 'progress' | 'log' | 'stopped' | 'markDirty'>,
): Promise<Proof> {
  const startedAt = Date.now()
  const places = samplePlaces(disk.bytes)
  around.progress({ phase: 'looking before', doneBytes: 0, totalBytes: disk.bytes })
  // A disk that cannot be read may still be erased.
  const before = await readSamples(disk, places).catch(() => ({ length: 0, hashes: new Map<number, string | null>() }))
  around.stopped.throwIfAborted()
  await around.markDirty()
  const done = await erase(disk, path, method, able, around).catch((error: unknown) => {
    if (error instanceof ProgramError)
      throw new TaskFailure(`${disk.name} could not be wiped: ${error.message}`, { clean: false })
    throw error
  })
  around.progress({ phase: 'verifying' })
  await disk.forget()
  const after = await readSamples(disk, places)
  const { zero, changed, same } = compareSamples(before, after)
  const edgesZero = await edgesAreZero(disk)
  const passed = edgesZero && same.length === 0 && (method === 'secure-erase' || changed === 0)
  const samples = { count: places.length, bytes: after.length, zero, changed, unchanged: same.length, edgesZero }
  around.log(passed ? 'info' : 'error', `${method}: ${done}; ${zero} of ${places.length} places read as zeros`)
  return { done, startedAt, endedAt: Date.now(), samples, outcome: passed ? 'passed' : 'failed' }
}
