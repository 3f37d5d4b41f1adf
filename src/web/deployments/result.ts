import { bytes, span } from '../parts/words.ts'

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
    if (/seconds$/i.test(key)) return span(value * 1000)
    if (/ms$/.test(key)) return span(value)
    return value.toLocaleString('en-US')
  }
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return value.map((each) => figureText('', each)).join(', ')
  return JSON.stringify(value)
}

/** The result of a task as rows. Results are of the agent's making and differ by task: what is in them is shown as it is. */
export function resultRows(result: Readonly<Record<string, unknown>> | null): [string, string][] {
  return Object.entries(result ?? {}).map(([key, value]) => [figureName(key), figureText(key, value)])
}
