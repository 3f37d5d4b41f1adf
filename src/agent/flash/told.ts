import { DiskError } from '../disk/disk.ts'
import { TaskFailure } from '../task.ts'

/** Does it, and tells what a disk failed with in words for people: which disk, where, and what would help. */
export async function told<T>(
  disk: { serial: string },
  act: () => Promise<T>,
  more: { clean?: boolean } = {},
): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof DiskError)) throw error
    throw new TaskFailure(`${error.message}; serial ${disk.serial}. ${error.advice}`, {
      ...more,
      detail: { disk: error.disk, serial: disk.serial, offset: error.offset, code: error.code },
    })
  }
}
