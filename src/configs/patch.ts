import { createTwoFilesPatch } from 'diff'

/** Texts that have nothing in common would keep us for hours: the whole text is told then. */
export function patchOf([from, to]: readonly [string, string], before: string, after: string): string {
  const patch = createTwoFilesPatch(from, to, before, after, undefined, undefined, { timeout: 1000 })
  if (patch !== undefined) return patch
  return `--- ${from}\n+++ ${to}\n@@ too much has changed to compare: ${before.length} and ${after.length} characters @@\n`
}
