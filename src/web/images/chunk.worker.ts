import { Sha256 } from './sha256.ts'

/** Hashes one piece of a file away from the page; `sha256` is `null` when all of it is zero. */
export type PieceRequest = { file: File; from: number; to: number }
export type PieceAnswer = { sha256: string | null } | { error: string }

addEventListener('message', async ({ data: { file, from, to } }: MessageEvent<PieceRequest>) => {
  const tell = (answer: PieceAnswer) => postMessage(answer)
  try {
    const bytes = new Uint8Array(await file.slice(from, to).arrayBuffer())
    if (bytes.length !== to - from) throw new Error('it became shorter while it was read')
    tell({ sha256: isZero(bytes) ? null : await digest(bytes) })
  } catch (error) {
    tell({ error: error instanceof Error ? error.message : String(error) })
  }
})

function isZero(bytes: Uint8Array<ArrayBuffer>): boolean {
  const words = new Uint32Array(bytes.buffer, 0, bytes.length >>> 2)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false
  for (let i = words.length * 4; i < bytes.length; i++) if (bytes[i] !== 0) return false
  return true
}

/** The browser's own is faster, but there only on pages that came over HTTPS. */
async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  if (!isSecureContext) return new Sha256().update(bytes).digest()
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
