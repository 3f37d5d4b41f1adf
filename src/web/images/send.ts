import type { z } from 'zod'
import { ApiProblem } from '../../api/client/problem.ts'
import type { ImageFile } from '../../api/contract/images.ts'
import { call } from '../api/call.ts'
import type { HashMessage } from './hash.worker.ts'

export type ToSend = Readonly<{
  image: string
  description: string
  cmdline: string
  note: string
  files: readonly { role: z.infer<typeof ImageFile>['role']; file: File }[]
}>

export type Step = Readonly<{ doing: string; done: number; of: number }>

/** A name that the server takes for a file of an image. */
export function fileName(name: string): string {
  const clean = name.replace(/[^A-Za-z0-9._+-]/g, '-').replace(/^[^A-Za-z0-9]+/, '')
  return clean.slice(0, 100) || 'file'
}

/** Makes one new version of an image, and the image if there is none, from files of this computer. */
export async function send(order: ToSend, tell: (step: Step) => void, signal: AbortSignal): Promise<void> {
  const iso = order.files.find(({ role }) => role === 'iso')
  if (iso) {
    const of = iso.file.size
    await call('putContent', {
      params: { image: order.image },
      body: {
        content: iso.file,
        bytes: of,
        onProgress: (done) => tell({ doing: `Sending ${iso.file.name}`, done, of }),
      },
      signal,
    })
    if (order.description)
      await call('updateImage', { params: { image: order.image }, body: { description: order.description } })
    return
  }
  const files: { role: (typeof order.files)[number]['role']; name: string; sha256: string }[] = []
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
  const { image, description, cmdline, note } = order
  await call('createImage', { body: { name: image, kind: 'bundle', description } }).catch((error: unknown) => {
    // It exists already: then this is its next version.
    if (!(error instanceof ApiProblem && error.code === 'conflict')) throw error
  })
  await call('createVersion', { params: { image }, body: { files, cmdline, note } })
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
