import type { DocumentNode, Problem } from './document.ts'

/** What is wrong with plain Ignition. */
export function validateIgnition(document: DocumentNode): readonly Problem[] {
  const message = 'this server does not check Ignition yet'
  return document.kind === 'map' ? [] : [{ severity: 'error', path: '$', at: document.at, message, hint: '' }]
}
