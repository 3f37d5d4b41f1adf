import type { Findings } from './findings.ts'
import { shown } from './reading.ts'
import { type Struct, textOf } from './values.ts'

/** Tells each entry whose field has a value that an earlier entry has. */
export function doubles(entries: readonly Struct[], name: string, findings: Findings): void {
  const seen = new Set<string>()
  for (const entry of entries) {
    const value = textOf(entry, name)
    if (value === undefined) continue
    if (seen.has(value))
      findings.error(findings.where(entry, name), `${shown(value)} is there twice`, 'keep one of them')
    seen.add(value)
  }
}

/** The same for a list of texts. */
export function doubleTexts(texts: readonly string[], findings: Findings): void {
  const seen = new Set<string>()
  texts.forEach((text, index) => {
    if (seen.has(text)) findings.error(findings.where(texts, String(index)), `${shown(text)} is there twice`)
    seen.add(text)
  })
}
