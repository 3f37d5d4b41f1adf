import { Sha256 } from './sha256.ts'

/** Hashes one file away from the page: tells how far it is, then the digest, or what stopped it. */
export type HashMessage = { done: number } | { sha256: string } | { error: string }

const PIECE = 4 * 1024 * 1024

addEventListener('message', async ({ data: file }: MessageEvent<File>) => {
  const tell = (message: HashMessage) => postMessage(message)
  try {
    const sha = new Sha256()
    for (let at = 0; at < file.size; at += PIECE) {
      sha.update(new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer()))
      tell({ done: Math.min(at + PIECE, file.size) })
    }
    tell({ sha256: sha.digest() })
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) })
  }
})
