import { createHash } from 'node:crypto'
import { CHUNK_BYTES, type ChunkList, chunkCount, chunkLength, encodeChunkList } from '../../protocols/chunks/list.ts'
import { diskBuffer } from '../disk/buffer.ts'
import type { Disk } from '../disk/disk.ts'
import { readChunk } from '../flash/compare.ts'
import { each } from '../flash/each.ts'
import type { Machine } from '../flash/flash.ts'
import { told } from '../flash/told.ts'
import type { Around, Outcome, TaskOf, TaskRunner } from '../task.ts'

/** Batches at a time. Their chunks stay in memory until the server has said which it lacks: 48 MiB in all. */
const LANES = 3
const BATCH = 4

export type CaptureFigures = {
  bytes: number
  /** Of chunks that the server lacked, uncompressed. */
  sentBytes: number
  newChunks: number
}

/**
 * Reads the whole disk and sends what the server lacks of it. Changes nothing on the disk; begun again, it sends only what is still
 * lacking. Resolves with the list, which is not sent yet.
 */
export async function capture(
  disk: Disk,
  around: Pick<Around, 'uploads' | 'progress' | 'stopped'>,
): Promise<{ list: ChunkList; figures: CaptureFigures }> {
  const size = { bytes: disk.bytes }
  const chunks = new Array<string | null>(chunkCount(disk.bytes)).fill(null)
  const list: ChunkList = { bytes: disk.bytes, chunks }
  const figures: CaptureFigures = { bytes: disk.bytes, sentBytes: 0, newChunks: 0 }
  const spare = Array.from({ length: LANES }, () => Array.from({ length: BATCH }, () => diskBuffer(CHUNK_BYTES)))
  const seen = new Set<string>()
  let done = 0
  const batches = Array.from({ length: Math.ceil(chunks.length / BATCH) }, (_, batch) => batch * BATCH)
  await each(batches, LANES, around.stopped, async (first) => {
    const buffers = spare.pop()!
    try {
      /** Chunks that this disk did not have so far. */
      const fresh = new Map<string, Uint8Array>()
      for (const [i, buffer] of buffers.entries()) {
        const index = first + i
        if (index >= chunks.length) break
        const hash = await readChunk(disk, list, index, buffer)
        chunks[index] = hash
        done += chunkLength(size, index)
        around.progress({ phase: 'capturing', doneBytes: done, totalBytes: disk.bytes })
        if (hash === null || seen.has(hash)) continue
        seen.add(hash)
        fresh.set(hash, buffer.subarray(0, chunkLength(size, index)))
      }
      if (fresh.size === 0) return
      const missing = await around.uploads.missing([...fresh.keys()])
      for (const [hash, bytes] of fresh) {
        if (!missing.has(hash)) continue
        await around.uploads.put(hash, bytes)
        figures.sentBytes += bytes.length
        figures.newChunks++
      }
    } finally {
      spare.push(buffers)
    }
  })
  return { list, figures }
}

/** Runs a capture task: disk or partition to chunk list. `detail.chunks` names the list; the server makes the version of it. */
export function captureRunner(machine: Pick<Machine, 'open'>): TaskRunner<TaskOf<'capture'>> {
  return async (task, around): Promise<Outcome> => {
    const began = performance.now()
    const disk = await told(task.from, () => machine.open(task.from, { write: false }))
    try {
      const { list, figures } = await told(task.from, () => capture(disk, around))
      const encoded = encodeChunkList(list)
      const unchanged = task.onlyIfChangedFrom === createHash('sha256').update(encoded).digest('hex')
      const chunks = unchanged ? task.onlyIfChangedFrom : await around.uploads.putList(list)
      const seconds = (performance.now() - began) / 1000
      const mib = (figures.sentBytes / 1_048_576).toFixed(1)
      return {
        summary: unchanged
          ? `${disk.name} is unchanged since ${task.image} was written or saved: nothing was sent`
          : `${disk.name} read: ${figures.newChunks} new chunks, ${mib} MiB, sent in ${seconds.toFixed(1)} s`,
        clean: true,
        detail: { chunks, unchanged, ...figures, seconds },
      }
    } finally {
      await disk.close()
    }
  }
}
