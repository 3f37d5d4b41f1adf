import type { z } from 'zod'
import { ApiProblem } from '../../api/client/problem.ts'
import type { Image, ImageFile } from '../../api/contract/images.ts'
import { chunkCount, MOST_CHUNKS } from '../../protocols/chunks/list.ts'
import { call } from '../api/call.ts'
import { mayPass } from '../api/use.ts'
import { sendDisk } from './disk.ts'
import { packingOf } from './format.ts'
import type { HashMessage } from './hash.worker.ts'
import { openHashers } from './pieces.ts'
import { Sha256 } from './sha256.ts'

type Role = z.infer<typeof ImageFile>['role']

export type ToSend = Readonly<{
  image: string
  kind: Image['kind']
  /** Of an image that does not exist yet. */
  description: string
  visibility: Image['visibility']
  cmdline: string
  note: string
  files: readonly { role: Role; file: File }[]
}>

/** `sent` is how much of `done` had to travel, where that differs; `retrying` says why it waits. */
export type Step = Readonly<{ doing: string; done: number; of: number; sent?: number; retrying?: string | null }>
type Tell = (step: Step) => void

/** A name that the server takes for a file of an image. */
export function fileName(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9._+-]/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return clean.slice(0, 100) || 'file'
}

/** Makes one new version of an image, and the image if there is none, from files of this computer. */
export async function send(order: ToSend, tell: Tell, signal: AbortSignal): Promise<Image> {
  await createIfNew(order)
  const [first] = order.files
  if (!first) throw new Error('Choose a file first.')
  if (order.kind === 'bundle') return await sendBundle(order, tell, signal)
  if (order.kind === 'iso' || order.kind === 'wim') return await sendContent(order, first.file, tell, signal)
  const packing = packingOf(new Uint8Array(await first.file.slice(0, 6).arrayBuffer()))
  return await (packing === 'raw' ? sendChunks : sendContent)(order, first.file, tell, signal)
}

/** Asked before anything travels: a name that is refused, or taken by another kind, should be known at once. */
async function createIfNew({ image: name, kind, description, visibility }: ToSend): Promise<void> {
  try {
    await call('createImage', { body: { name, kind, description, visibility } })
  } catch (error) {
    if (!(error instanceof ApiProblem && error.code === 'conflict')) throw error
    // It exists already: then this is its next version.
    const there = await call('getImage', { params: { image: name } })
    if (there.kind !== kind)
      throw new Error(`${name} exists already and is of kind ${there.kind}: choose another name.`)
  }
}

/** A raw disk: only its chunks that the server lacks travel, and what has arrived stays there for another try. */
async function sendChunks(order: ToSend, file: File, tell: Tell, signal: AbortSignal): Promise<Image> {
  if (file.size === 0) throw new Error(`${file.name} is empty.`)
  if (chunkCount(file.size) > MOST_CHUNKS) throw new Error(`${file.name} is larger than any disk that is understood.`)
  const hashers = openHashers(file)
  signal.addEventListener('abort', hashers.close)
  try {
    const list = await sendDisk(
      {
        bytes: file.size,
        hash: hashers.hash,
        missing: async (chunks) => (await call('missingChunks', { body: { chunks: [...chunks] }, signal })).missing,
        put: (sha256, from, to, onProgress) =>
          call('putChunk', {
            params: { sha256 },
            body: { content: file.slice(from, to), bytes: to - from, onProgress },
            signal,
          }),
        mayPass: (error) => error instanceof Error && mayPass(error),
        wait: (ms) => pause(ms, signal),
        signal,
      },
      hashesOf(file),
      (progress) => tell({ doing: `Sending ${file.name}`, ...progress }),
    )
    const sha256 = new Sha256().update(list).digest()
    if (!(await isThere(sha256)))
      await call('putUpload', { params: { sha256 }, body: { content: list, bytes: list.length }, signal })
    return await call('createVersion', {
      params: { image: order.image },
      body: { files: [{ role: 'chunks', name: fileName(file.name), sha256 }], note: order.note },
    })
  } finally {
    signal.removeEventListener('abort', hashers.close)
    hashers.close()
  }
}

/** What was hashed of a file stays known as long as it is chosen, for another try. */
const HASHED = new WeakMap<File, Map<number, string | null>>()
function hashesOf(file: File): Map<number, string | null> {
  const known = HASHED.get(file) ?? new Map<number, string | null>()
  HASHED.set(file, known)
  return known
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new Error('The upload was cancelled.'))
    })
  })
}

/** The whole file as it is; the server unpacks it. */
async function sendContent(order: ToSend, file: File, tell: Tell, signal: AbortSignal): Promise<Image> {
  const { image, kind, note } = order
  if (kind === 'bundle') throw new Error('a bundle has several files')
  const of = file.size
  return await call('putContent', {
    params: { image },
    query: { kind, note },
    body: {
      content: file,
      bytes: of,
      onProgress: (done) =>
        tell({ doing: done < of ? `Sending ${file.name}` : 'The server reads and keeps it', done, of }),
    },
    signal,
  })
}

async function sendBundle(order: ToSend, tell: Tell, signal: AbortSignal): Promise<Image> {
  const files: { role: Role; name: string; sha256: string }[] = []
  for (const { role, file } of order.files) {
    const sha256 = await hash(file, (done) => tell({ doing: `Checking ${file.name}`, done, of: file.size }), signal)
    if (!(await isThere(sha256)))
      await call('putUpload', {
        params: { sha256 },
        body: {
          content: file,
          bytes: file.size,
          onProgress: (done) => tell({ doing: `Sending ${file.name}`, done, of: file.size }),
        },
        signal,
      })
    files.push({ role, name: fileName(file.name), sha256 })
  }
  const { image, cmdline, note } = order
  return await call('createVersion', { params: { image }, body: { files, cmdline, note } })
}

async function isThere(sha256: string): Promise<boolean> {
  try {
    await call('hasUpload', { params: { sha256 } })
    return true
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) return false
    throw error
  }
}

function hash(file: File, onProgress: (done: number) => void, signal: AbortSignal): Promise<string> {
  const worker = new Worker(new URL('./hash.worker.ts', import.meta.url), { type: 'module' })
  return new Promise<string>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new Error('The upload was cancelled.')))
    worker.onerror = () => reject(new Error(`${file.name} could not be read.`))
    worker.onmessage = ({ data }: MessageEvent<HashMessage>) => {
      if ('done' in data) onProgress(data.done)
      else if ('sha256' in data) resolve(data.sha256)
      else reject(new Error(`${file.name} could not be read: ${data.error}`))
    }
    worker.postMessage(file)
  }).finally(() => worker.terminate())
}
