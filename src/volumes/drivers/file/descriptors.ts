import { fdatasync, read, readSync, writeSync, writev, writevSync } from 'node:fs'
import { asNoSpace } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'

/** What plain descriptors do, as whole reads and writes. */

export function dataSync(fd: number): Promise<void> {
  return new Promise((resolve, reject) => fdatasync(fd, (error) => (error ? reject(error) : resolve())))
}

export function writeAll(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done)
}

/** Writes the parts one behind the other. */
export function writeParts(fd: number, parts: readonly Uint8Array[], at: number, bytes: number): void {
  const done = parts.length === 1 ? writeSync(fd, parts[0]!, 0, bytes, at) : writevSync(fd, parts, at)
  if (done < bytes) writeParts(fd, partsFrom(parts, done), at + done, bytes - done)
}

/** The same through the thread pool. */
export async function writePartsLater(
  fd: number,
  parts: readonly Uint8Array[],
  at: number,
  bytes: number,
): Promise<void> {
  const done = await new Promise<number>((resolve, reject) =>
    writev(fd, parts, at, (error, written) => (error ? reject(error) : resolve(written))),
  )
  if (done < bytes) await writePartsLater(fd, partsFrom(parts, done), at + done, bytes - done)
}

function partsFrom(parts: readonly Uint8Array[], skip: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const part of parts) {
    if (skip < part.length) rest.push(part.subarray(skip))
    skip = Math.max(0, skip - part.length)
  }
  return rest
}

/** Fills `into` through the thread pool. */
export async function readLater(fd: number, into: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const count = await new Promise<number>((resolve, reject) =>
      read(fd, into, done, into.length - done, at + done, (error, bytes) => (error ? reject(error) : resolve(bytes))),
    )
    if (count === 0) throw shortFile()
    done += count
  }
}

export function readNow(fd: number, into: Uint8Array, at: number): void {
  for (let done = 0; done < into.length; ) {
    const count = readSync(fd, into, done, into.length - done, at + done)
    if (count === 0) throw shortFile()
    done += count
  }
}

function shortFile(): Refusal {
  return new Refusal('corrupt', 'a file with data of the volume is shorter than its map says', {
    next: 'revert the volume, or restore the data directory from a backup',
  })
}

/** A full disk as what the initiator is to be told. */
export function writeFailure(error: unknown): unknown {
  return asNoSpace(error) === error ? error : fullPool()
}

export function fullPool(): Refusal {
  return new Refusal('no-space', 'the disk that keeps the volumes is full; nothing was written', {
    next: 'delete volumes or snapshots that nobody needs, or give the disk more space',
  })
}
