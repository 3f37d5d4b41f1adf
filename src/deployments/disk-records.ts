import type { TaskDisk } from './deployment.ts'

/** A promise to save a disk as a new version of `image` before it is overwritten. `chunks`: the content that needs no saving. */
export type WriteBack = Readonly<{ image: string; bytes: number; chunks: string; deployment: string; by: string }>

/** What is known of the content of a disk (`partition` 0) or partition of a machine. */
export type DiskRecord = Readonly<{
  machine: string
  serial: string
  partition: number
  /** The chunk list it was last known to hold: written and verified, or captured. A hint only: its system may have changed it. */
  chunks: string | null
  /** The deployment that began to write it and has not ended well: such a disk is never booted. */
  halfWrittenBy: string | null
  writeBack: WriteBack | null
  at: number
}>

/** Records of one machine after a change, and which of the earlier ones are gone. */
export type RecordChange = Readonly<{ put: readonly DiskRecord[]; gone: readonly DiskRecord[] }>

type Place = Readonly<{ machine: string; serial: string; partition: number; at: number }>

const same = (a: Pick<DiskRecord, 'serial' | 'partition'>, b: Pick<DiskRecord, 'serial' | 'partition'>) =>
  a.serial === b.serial && a.partition === b.partition

export function placeOf(machine: string, disk: TaskDisk, at: number): Place {
  return { machine, serial: disk.serial, partition: disk.partition ?? 0, at }
}

/** The first byte is about to be written: what was there is forgotten, promises to save it too, and it must not be booted. */
export function begun(records: readonly DiskRecord[], place: Place, deployment: string): RecordChange {
  const mark: DiskRecord = { ...place, chunks: null, halfWrittenBy: deployment, writeBack: null }
  if (place.partition === 0) {
    const gone = records.filter(({ serial, partition }) => serial === place.serial && partition !== 0)
    return { put: [mark], gone }
  }
  // A partition that is written makes what was known of the whole disk untrue, but not whether it is half-written.
  const whole = records.find((record) => same(record, { serial: place.serial, partition: 0 }))
  return { put: whole ? [{ ...whole, chunks: null, writeBack: null, at: place.at }, mark] : [mark], gone: [] }
}

/** Written and verified. */
export function written(place: Place, chunks: string): RecordChange {
  return { put: [{ ...place, chunks, halfWrittenBy: null, writeBack: null }], gone: [] }
}

/** A task that had begun ended without a changed byte, or with all in order, but not by writing an image. */
export function sound(records: readonly DiskRecord[], place: Place): RecordChange {
  const record = records.find((each) => same(each, place))
  return { put: record?.halfWrittenBy ? [{ ...record, halfWrittenBy: null, at: place.at }] : [], gone: [] }
}

/** Wiped: nothing is known of it any more, and nothing is to be saved. */
export function wiped(records: readonly DiskRecord[], place: Place): RecordChange {
  return { put: [], gone: records.filter(({ serial }) => serial === place.serial) }
}

/** Read and kept as a chunk list. */
export function captured(records: readonly DiskRecord[], place: Place, chunks: string): RecordChange {
  const before = records.find((each) => same(each, place))
  const record = before ?? { ...place, chunks, halfWrittenBy: null, writeBack: null }
  return {
    put: [{ ...record, chunks, writeBack: record.writeBack && { ...record.writeBack, chunks }, at: place.at }],
    gone: [],
  }
}

/** Promises to save this disk before the next deployment writes. */
export function promised(records: readonly DiskRecord[], place: Place, writeBack: WriteBack): RecordChange {
  const before = records.find((each) => same(each, place))
  const record = before ?? { ...place, chunks: writeBack.chunks, halfWrittenBy: null, writeBack }
  return { put: [{ ...record, writeBack, at: place.at }], gone: [] }
}

/**
 * A deployment has written all it was to write: promises of earlier ones end, for theirs was saved before it wrote, and so do
 * marks on other disks, for the machine boots the disk that is whole now.
 */
export function superseded(records: readonly DiskRecord[], deployment: string, at: number): RecordChange {
  const old = records.filter(
    ({ writeBack, halfWrittenBy }) => (writeBack && writeBack.deployment !== deployment) || halfWrittenBy !== null,
  )
  return { put: old.map((record) => ({ ...record, writeBack: null, halfWrittenBy: null, at })), gone: [] }
}

/** Marks of disks that the machine has no more. */
export function pulled(records: readonly DiskRecord[], serials: ReadonlySet<string>): RecordChange {
  return {
    put: [],
    gone: records.filter(({ serial, halfWrittenBy }) => halfWrittenBy !== null && !serials.has(serial)),
  }
}

/** One change after another, as one. */
export function joined(
  records: readonly DiskRecord[],
  ...steps: readonly ((now: readonly DiskRecord[]) => RecordChange)[]
): RecordChange {
  let now = records
  for (const step of steps) {
    now = changed(now, step(now))
  }
  const put = now.filter((record) => !records.includes(record))
  const gone = records.filter((record) => !now.some((other) => same(record, other)))
  return { put, gone }
}

/** The records of one machine after a change. */
export function changed(records: readonly DiskRecord[], { put, gone }: RecordChange): DiskRecord[] {
  const kept = records.filter((record) => ![...put, ...gone].some((other) => same(other, record)))
  return [...kept, ...put]
}
