import { type FileHandle, open } from 'node:fs/promises'
import { Refusal } from '../../kit/errors.ts'

/** Makes names in a directory durable: fsync of a file does not cover its name. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

/** Writes all of it, whatever a single write takes. */
export async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten
}

/** The `code` of a system error. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

/** What went wrong, as `no-space` when it was the disk that is full. */
export function asNoSpace(error: unknown): unknown {
  return ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '') ? noSpace() : error
}

/** A full disk, said to whoever sends bytes. */
export function noSpace(): Refusal {
  return new Refusal('no-space', 'the disk of the data directory is full; nothing of the upload was kept', {
    next: 'delete images or versions that nobody needs, or give the disk more space',
  })
}

/** `undefined` for a file that is not there. */
export async function absentAsUndefined<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
