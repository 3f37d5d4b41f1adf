import type { PieceAnswer, PieceRequest } from './chunk.worker.ts'

/** Workers that hash pieces of one file; `close` ends them, and whatever they were asked fails. */
export type Hashers = { hash: (from: number, to: number) => Promise<string | null>; close: () => void }

type Job = { from: number; to: number; resolve: (hash: string | null) => void; reject: (error: Error) => void }

export function openHashers(file: File, count = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1))): Hashers {
  const waiting: Job[] = []
  const closed = new Error('The upload was cancelled.')
  const crew = Array.from({ length: count }, () => {
    const worker = new Worker(new URL('./chunk.worker.ts', import.meta.url), { type: 'module' })
    return { worker, job: undefined as Job | undefined }
  })
  const fail = (job: Job | undefined, why: string) => job?.reject(new Error(`${file.name} could not be read: ${why}`))
  const dispatch = () => {
    for (const hand of crew) {
      if (hand.job) continue
      hand.job = waiting.shift()
      if (!hand.job) return
      const { from, to } = hand.job
      hand.worker.postMessage({ file, from, to } satisfies PieceRequest)
    }
  }
  for (const hand of crew) {
    hand.worker.onmessage = ({ data }: MessageEvent<PieceAnswer>) => {
      if ('sha256' in data) hand.job?.resolve(data.sha256)
      else fail(hand.job, data.error)
      hand.job = undefined
      dispatch()
    }
    hand.worker.onerror = (event) => {
      fail(hand.job, event.message || 'the worker ended')
      hand.job = undefined
      dispatch()
    }
  }
  return {
    hash: (from, to) =>
      new Promise((resolve, reject) => {
        waiting.push({ from, to, resolve, reject })
        dispatch()
      }),
    close: () => {
      for (const { worker, job } of crew) {
        worker.terminate()
        job?.reject(closed)
      }
      for (const job of waiting.splice(0)) job.reject(closed)
    },
  }
}
