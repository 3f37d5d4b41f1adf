import { createHash } from 'node:crypto'
import { type FileHandle, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { absentAsUndefined } from '../../../images/durable/files.ts'
import { Refusal } from '../../../kit/errors.ts'
import { BLOCK_BYTES, encodeTarHeader, paddingOf } from '../../../protocols/tar/header.ts'
import { lockFile } from '../../../volumes/durable/locks.ts'
import {
  type BackupEnd,
  type BackupHead,
  DATABASES,
  END_NAME,
  FOLDERS,
  HEAD_NAME,
  isPlace,
  SINGLE_FILES,
} from '../../backup.ts'

const PIECE_BYTES = 1_048_576
/** How long a volume whose files are being changed is waited for. */
const CHANGE_MS = 5000
const WORD_PAUSE = 'the backup goes on without it'

export type BackupSource = Readonly<{
  dataDir: string
  head: BackupHead
  /** Copies of the databases as they are at one moment, by name; they lie in a folder that the backup removes. */
  databases: Readonly<Record<string, string>>
  /** Why volumes are elsewhere and not in the backup; `null`: they are below the data directory. */
  volumesElsewhere: string | null
}>

/**
 * A backup as the bytes of a tar archive. What it holds may be in use meanwhile: databases are copies, images are files that never change
 * (whoever calls keeps them from being deleted), and a volume is read only while nobody has it open for writing; one that is in use is left
 * out and named.
 */
export async function* backupBytes(source: BackupSource): AsyncGenerator<Uint8Array> {
  const { dataDir, head } = source
  const archive = new Archive()
  yield* archive.about(HEAD_NAME, head, head.madeAt)
  for (const name of DATABASES) {
    const copy = source.databases[name]
    if (copy !== undefined) yield* archive.file(name, copy)
  }
  for (const name of SINGLE_FILES) yield* archive.file(name, join(dataDir, name))
  for (const folder of [...FOLDERS.always, ...(head.parts.images ? FOLDERS.images : [])])
    for await (const path of below(dataDir, folder.path, folder.without)) yield* archive.file(path, join(dataDir, path))
  if (!head.parts.images) archive.leftOut.push('the images, as asked for')
  if (!head.parts.volumes) archive.leftOut.push('the volumes, as asked for')
  else if (source.volumesElsewhere !== null) archive.leftOut.push(source.volumesElsewhere)
  else yield* volumes(archive, dataDir)
  yield* archive.end(head.madeAt)
}

async function* volumes(archive: Archive, dataDir: string): AsyncGenerator<Uint8Array> {
  const names = (await absentAsUndefined(readdir(join(dataDir, FOLDERS.volumes)))) ?? []
  for (const name of names.sort()) {
    if (name.startsWith('.')) continue
    const folder = `${FOLDERS.volumes}/${name}`
    const held = await heldVolume(join(dataDir, folder), name)
    if (typeof held === 'string') {
      archive.leftOut.push(held)
      continue
    }
    try {
      for (const { file, handle } of held.files) yield* archive.opened(`${folder}/${file}`, handle)
    } finally {
      for (const { handle } of held.files) await handle.close()
      await held.release()
    }
  }
}

type HeldVolume = Readonly<{ files: readonly { file: string; handle: FileHandle }[]; release(): Promise<void> }>

/** All files of a volume, opened at one moment, with nobody writing to it until it is released; or why not, in words. */
async function heldVolume(directory: string, id: string): Promise<HeldVolume | string> {
  const what = `the volume ${id}`
  try {
    const lock = await lockFile(join(directory, 'lock'), 'shared', { waitMs: 0, what })
    const files: { file: string; handle: FileHandle }[] = []
    try {
      // What is frozen may be merged or dropped by a change of the manifest: an open file stays.
      const still = await lockFile(directory, 'exclusive', { waitMs: CHANGE_MS, what, directory: true })
      try {
        for (const file of (await readdir(directory)).sort())
          if (isPlace(`${FOLDERS.volumes}/${id}/${file}`))
            files.push({ file, handle: await open(join(directory, file), 'r') })
      } finally {
        await still.release()
      }
      return { files, release: () => lock.release() }
    } catch (error) {
      for (const { handle } of files) await handle.close()
      await lock.release()
      throw error
    }
  } catch (error) {
    if (error instanceof Refusal && error.code === 'in-use') return `${what}: it is in use now; ${WORD_PAUSE}`
    if (error instanceof Refusal && error.code === 'not-found') return `${what}: it was deleted meanwhile`
    throw error
  }
}

/** Names of all files below a folder, sorted within each folder. */
async function* below(dataDir: string, path: string, without: RegExp): AsyncGenerator<string> {
  const entries = (await absentAsUndefined(readdir(join(dataDir, path), { withFileTypes: true }))) ?? []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (without.test(entry.name)) continue
    const own = `${path}/${entry.name}`
    if (entry.isDirectory()) yield* below(dataDir, own, /^$/)
    else if (entry.isFile() && isPlace(own)) yield own
  }
}

class Archive {
  readonly leftOut: string[] = []
  readonly #sums = createHash('sha256')
  /** Names of files that have several, by device and number: clones of volumes share their layers. */
  readonly #names = new Map<string, string>()
  #files = 0
  #bytes = 0;

  *about(name: string, value: unknown, modifiedAt: number): Generator<Uint8Array> {
    const content = Buffer.from(`${JSON.stringify(value)}\n`)
    yield encodeTarHeader({ name, bytes: content.length, mode: 0o600, modifiedAt, link: null })
    yield content
    yield new Uint8Array(paddingOf(content.length))
  }

  /** A file that is not there is none: deleted since it was seen, or never made. */
  async *file(name: string, path: string): AsyncGenerator<Uint8Array> {
    const handle = await absentAsUndefined(open(path, 'r'))
    if (!handle) return
    try {
      yield* this.opened(name, handle)
    } finally {
      await handle.close()
    }
  }

  async *opened(name: string, handle: FileHandle): AsyncGenerator<Uint8Array> {
    const { size, mtimeMs, nlink, dev, ino } = await handle.stat()
    const id = `${dev}:${ino}`
    const link = nlink > 1 ? (this.#names.get(id) ?? null) : null
    if (nlink > 1 && link === null) this.#names.set(id, name)
    const bytes = link === null ? size : 0
    yield encodeTarHeader({ name, bytes, mode: 0o600, modifiedAt: mtimeMs, link })
    const hash = createHash('sha256')
    for (let at = 0; at < bytes; ) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - at))
      const { bytesRead } = await handle.read(piece, 0, piece.length, at)
      if (bytesRead === 0)
        throw new Refusal('corrupt', `${name} became shorter while it was read`, { next: 'make the backup again' })
      const read = piece.subarray(0, bytesRead)
      hash.update(read)
      yield read
      at += bytesRead
    }
    yield new Uint8Array(paddingOf(bytes))
    this.#sums.update(`${link === null ? hash.digest('hex') : link}  ${name}\n`)
    this.#files++
    this.#bytes += bytes
  }

  *end(modifiedAt: number): Generator<Uint8Array> {
    const { leftOut } = this
    const end: BackupEnd = { files: this.#files, bytes: this.#bytes, sha256: this.#sums.digest('hex'), leftOut }
    yield* this.about(END_NAME, end, modifiedAt)
    yield new Uint8Array(2 * BLOCK_BYTES)
  }
}
