import type { Disk } from '../disk/disk.ts'
import { chooseDisk, listDisks, openOtherDisk, openTaskDisk, type TaskDisk } from '../disk/find.ts'
import { growDisk } from '../grow/grow.ts'
import type { Around, Outcome, TaskOf, TaskRunner } from '../task.ts'
import type { OtherDisk } from './donors.ts'
import { type FlashFigures, flash } from './engine.ts'
import { told } from './told.ts'

/** What a flash uses of the machine; tests give their own. */
export type Machine = Readonly<{
  open(disk: TaskDisk, how: { write: boolean }): Promise<Disk>
  /** Opens another disk of this machine, or its partition, for reading; `undefined` when there is none with this serial. */
  openOther(serial: string, partition: number | null): Promise<Disk | undefined>
  /** Moves the end of the table to the disk's end and grows the last partition and its filesystem; says what it did. */
  grow(disk: TaskDisk, around: Around): Promise<string>
}>

/** Runs a flash task: finds the disk again, makes it hold the image, and grows its last partition when that was asked for. */
export function flashRunner(machine: Machine): TaskRunner<TaskOf<'flash'>> {
  return async (task, around) => {
    const began = performance.now()
    const list = await around.chunks.list(task.chunks)
    const disk = await told(task.to, () => machine.open(task.to, { write: true }), { clean: true })
    const others: OtherDisk[] = []
    let figures: FlashFigures
    try {
      for (const { serial, partition, chunks } of task.local) {
        const other = await otherDisk(machine, serial, partition)
        if (!other) continue
        try {
          others.push({ disk: other, list: await around.chunks.list(chunks) })
        } catch {
          // The list went with its image; the server has what is needed.
          await other.close()
        }
      }
      around.log('info', `${task.image} to ${disk.name} (serial ${task.to.serial}, ${disk.bytes} bytes)`)
      figures = await told(task.to, () => flash(disk, { ...task, list, others }, around))
    } finally {
      await Promise.allSettled([disk.close(), ...others.map((each) => each.disk.close())])
    }
    const grown = task.grow ? await machine.grow(task.to, around) : ''
    return outcome(task, figures, grown, performance.now() - began)
  }
}

async function otherDisk(machine: Machine, serial: string, partition: number | null): Promise<Disk | undefined> {
  try {
    return await machine.openOther(serial, partition)
  } catch {
    return undefined
  }
}

function outcome(task: TaskOf<'flash'>, figures: FlashFigures, grown: string, milliseconds: number): Outcome {
  const { writtenBytes, zeroedBytes, sameBytes, copiedBytes } = figures
  const nothing = writtenBytes + zeroedBytes === 0
  const what = nothing
    ? `${task.image} is on the disk already: 0 bytes written`
    : `${task.image} written: ${mib(writtenBytes)} MiB, ${mib(zeroedBytes)} MiB zeroed, ${mib(sameBytes)} MiB were there already` +
      (copiedBytes > 0 ? `, ${mib(copiedBytes)} MiB copied on the machine` : '')
  const summary = `${what}, in ${(milliseconds / 1000).toFixed(1)} s${grown ? `. ${grown}` : ''}`
  return { summary, clean: true, detail: { ...figures, seconds: milliseconds / 1000, grown: grown || null } }
}

function mib(bytes: number): string {
  return (bytes / 1_048_576).toFixed(bytes < 10 * 1_048_576 ? 1 : 0)
}

/** The disks of this machine. */
export const HERE: Machine = {
  open: openTaskDisk,
  openOther: openOtherDisk,
  async grow(disk, around) {
    if (disk.partition !== null) return ''
    const { path } = chooseDisk(await listDisks(), disk)
    return (await growDisk(path, around)).words
  },
}
