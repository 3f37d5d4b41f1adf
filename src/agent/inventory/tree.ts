import { open, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'

/** Where this machine shows itself; tests give trees of files. */
export type Roots = Readonly<{ sys: string; proc: string; dev: string }>
export const ROOTS: Roots = { sys: '/sys', proc: '/proc', dev: '/dev' }

/** Files of the kernel are small; the largest, `/proc/cpuinfo`, has some KiB for each CPU. */
const MOST_BYTES = 4 * 1024 * 1024
const MOST_TEXT = 200

/** The bytes of a file, at most 4 MiB; `undefined` if it cannot be read. */
export async function bytesOf(...path: string[]): Promise<Uint8Array | undefined> {
  const file = await open(join(...path), 'r').catch(() => undefined)
  if (!file) return undefined
  try {
    const pieces: Uint8Array[] = []
    for (let total = 0; total < MOST_BYTES; ) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(65_536), 0, 65_536, null)
      if (bytesRead === 0) break
      pieces.push(buffer.subarray(0, bytesRead))
      total += bytesRead
    }
    return new Uint8Array(Buffer.concat(pieces))
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}

/** What a file says, in printable characters without blanks around them; `null` if nothing. */
export async function textOf(...path: string[]): Promise<string | null> {
  const bytes = await bytesOf(...path)
  return bytes ? shown(Buffer.from(bytes).toString('utf8')) : null
}

/** At most 200 printable characters, as the inventory allows; `null` if nothing is left. */
export function shown(text: string): string | null {
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\ufffd]/g, ' ').trim()
  return clean.slice(0, MOST_TEXT) || null
}

/** A whole number; `undefined` if the file says none. */
export async function numberOf(...path: string[]): Promise<number | undefined> {
  const text = await textOf(...path)
  const value = text === null ? Number.NaN : Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

export async function namesIn(...path: string[]): Promise<string[]> {
  return (await readdir(join(...path)).catch(() => [])).toSorted(inOrder)
}

/** Where a link leads; empty if nowhere. */
export async function leadsTo(...path: string[]): Promise<string> {
  return realpath(join(...path)).catch(() => '')
}

/** `eth2` before `eth10`. */
function inOrder(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
