import { bytes, clock, span } from '../parts/words.ts'

/** `fetchedBytes` as `Fetched`, `bytesPerSecond` as `Bytes per second`: the name of a figure for people. */
export function figureName(key: string): string {
  const words = key
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/(.) (bytes|ms|seconds)$/, '$1')
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** A figure in the unit that the end of its name says. */
export function figureText(key: string, value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') {
    if (/bytesPerSecond$/i.test(key)) return `${bytes(value)}/s`
    if (/bytes$/i.test(key)) return bytes(value)
    if (/At$/.test(key)) return clock(value)
    if (/seconds$/i.test(key)) return span(value * 1000)
    if (/ms$/.test(key)) return span(value)
    return value.toLocaleString('en-US')
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((each) => figureText('', each)).join(', ')
  return JSON.stringify(value)
}

/**
 * The result of a task as rows. Results are of the agent's making and differ by task: what is in them is shown as it is, and
 * what lies inside of something is named after it.
 */
export function resultRows(result: Readonly<Record<string, unknown>> | null, inside = ''): [string, string][] {
  return Object.entries(result ?? {}).flatMap(([key, value]): [string, string][] => {
    const name = inside ? `${inside}: ${figureName(key).toLowerCase()}` : figureName(key)
    return isPlain(value) && !inside ? resultRows(value, name) : [[name, figureText(key, value)]]
  })
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
