import { WrongUse } from '../failure.ts'

/** `NAME` or `NAME@N`. */
export function readImageReference(text: string): { name: string; version: number | 'latest' } {
  const match = /^([^@]+)(?:@([1-9]\d*))?$/.exec(text)
  if (!match) throw new WrongUse(`${JSON.stringify(text)} is not an image; write NAME or NAME@VERSION`)
  return { name: match[1]!, version: match[2] === undefined ? 'latest' : Number(match[2]) }
}
