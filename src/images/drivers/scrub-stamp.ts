import { readFile, rename, writeFile } from 'node:fs/promises'
import type { ScrubStamp } from '../scrub.ts'

/** A time in a file. Losing it only means that everything is read once more. */
export function scrubStamp(path: string): ScrubStamp {
  return {
    async load() {
      const text = await readFile(path, 'utf8').catch(() => '')
      return /^\d{1,15}\n$/.test(text) ? Number(text) : null
    },
    async save(at) {
      await writeFile(`${path}.new`, `${at}\n`)
      await rename(`${path}.new`, path)
    },
  }
}
