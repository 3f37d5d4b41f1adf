import { createHash } from 'node:crypto'
import { link, mkdir, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createZstdDecompress } from 'node:zlib'
import type { z } from 'zod'
import { asNoSpace, errorCode, syncDirectory } from '../../../images/durable/files.ts'
import { DecodeError, Refusal } from '../../../kit/errors.ts'
import type { TarEntry } from '../../../protocols/tar/header.ts'
import { readTar, type TarItem } from '../../../protocols/tar/read.ts'
import {
  BackupEnd,
  BackupHead,
  type BackupSummary,
  END_NAME,
  HEAD_NAME,
  isPlace,
  MOST_ABOUT,
  notABackup,
} from '../../backup.ts'

const ZEROS = Buffer.alloc(65_536)

/**
 * Reads a packed backup to its end and checks it. `into`: where its files are written, each below it and nowhere else; without it nothing is
 * written. Refuses (`corrupt`) what is cut off, damaged, or no backup of ours; then what was written is not to be used.
 */
export async function readBackup(path: string, into?: { directory: string; owner?: Owner }): Promise<BackupSummary> {
  const file = await open(path, 'r').catch((error: Error) => {
    throw new Refusal('not-available', `${path} cannot be read: ${error.message}`)
  })
  const packed = file.createReadStream({ highWaterMark: 1_048_576 })
  const unpacked = packed.pipe(createZstdDecompress({ chunkSize: 262_144 }))
  packed.once('error', (error) => unpacked.destroy(error))
  try {
    return await take(readTar(unpacked as AsyncIterable<Uint8Array>), into)
  } catch (error) {
    if (error instanceof DecodeError) throw notABackup(error.message)
    if (/^(ERR_|Z_|ZSTD_)/.test(errorCode(error) ?? ''))
      throw notABackup(`it cannot be unpacked (${(error as Error).message})`)
    throw asNoSpace(error)
  } finally {
    packed.destroy()
    unpacked.destroy()
    await file.close().catch(() => undefined)
  }
}

/** Whose the files become, when root writes them for another user. */
export type Owner = Readonly<{ uid: number; gid: number }>
type Target = Readonly<{ directory: string; owner?: Owner }>

async function take(items: AsyncGenerator<TarItem>, into: Target | undefined): Promise<BackupSummary> {
  const sums = createHash('sha256')
  const seen = new Set<string>()
  const folders = new Set<string>()
  let head: BackupHead | undefined
  let files = 0
  let bytes = 0
  for await (const { entry, content } of items) {
    const { name } = entry
    if (!head) {
      if (name !== HEAD_NAME) throw notABackup('it does not begin as one')
      head = await about(BackupHead, entry, content)
      continue
    }
    if (name === END_NAME) {
      const end = await about(BackupEnd, entry, content)
      if (end.files !== files || end.bytes !== bytes || end.sha256 !== sums.digest('hex'))
        throw notABackup('its content is not what it says at its end: it is damaged')
      if (into) for (const folder of [...folders, into.directory]) await syncDirectory(folder)
      return { ...head, ...end }
    }
    if (!isPlace(name) || seen.has(name)) throw notABackup(`${name} is no file of a data directory`)
    // Chunks and blobs, which may be millions, are found twice by their sums; the others by their names.
    if (!/^(chunks|blobs)\//.test(name)) seen.add(name)
    const place = into && join(into.directory, name)
    if (into && place !== undefined) await makeFolders(into, dirname(place), folders)
    sums.update(`${await takeFile(entry, content, place, into, seen)}  ${name}\n`)
    files++
    bytes += entry.bytes
  }
  throw notABackup('its end is missing')
}

/** What stands for the content in the sum over all: its SHA-256, or the name that it is another name of. */
async function takeFile(
  { link: target, bytes }: TarEntry,
  content: AsyncGenerator<Uint8Array>,
  place: string | undefined,
  into: Target | undefined,
  seen: ReadonlySet<string>,
): Promise<string> {
  if (target !== null) {
    if (!isPlace(target) || !seen.has(target)) throw notABackup(`it names a file ${target} that is not in it`)
    if (into && place !== undefined) await link(join(into.directory, target), place)
    return target
  }
  const hash = createHash('sha256')
  if (place === undefined) {
    for await (const piece of content) hash.update(piece)
    return hash.digest('hex')
  }
  const file = await open(place, 'wx', 0o600)
  try {
    if (into?.owner) await file.chown(into.owner.uid, into.owner.gid)
    let at = 0
    for await (const piece of content) {
      hash.update(piece)
      for (let from = 0; from < piece.length; from += ZEROS.length) {
        const part = piece.subarray(from, from + ZEROS.length)
        // Holes become holes again.
        if (ZEROS.subarray(0, part.length).equals(part)) await file.truncate(at + part.length)
        else await writeAt(file, part, at)
        at += part.length
      }
    }
    if (at !== bytes) throw new DecodeError('a file ends too early')
    await file.sync()
  } finally {
    await file.close()
  }
  return hash.digest('hex')
}

async function writeAt(file: Awaited<ReturnType<typeof open>>, piece: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < piece.length; )
    done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten
}

async function makeFolders({ directory, owner }: Target, folder: string, made: Set<string>): Promise<void> {
  if (folder === directory || made.has(folder)) return
  await makeFolders({ directory, ...(owner ? { owner } : {}) }, dirname(folder), made)
  await mkdir(folder, { mode: 0o700 })
  if (owner) {
    const handle = await open(folder, 'r')
    await handle.chown(owner.uid, owner.gid).finally(() => handle.close())
  }
  made.add(folder)
}

async function about<T>(schema: z.ZodType<T>, { bytes }: TarEntry, content: AsyncGenerator<Uint8Array>): Promise<T> {
  if (bytes > MOST_ABOUT) throw notABackup('what it says of itself is too long')
  const pieces: Uint8Array[] = []
  for await (const piece of content) pieces.push(piece)
  let value: unknown
  try {
    value = JSON.parse(Buffer.concat(pieces).toString('utf8'))
  } catch {
    throw notABackup('what it says of itself is no JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw notABackup('what it says of itself is not understood; a newer Reveille may have made it')
}
