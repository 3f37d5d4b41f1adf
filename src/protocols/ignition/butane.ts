import type { DocumentNode, Problem } from './document.ts'

/** What a document includes from beside it (`local`), by relative path, as bytes. */
export type LocalFiles = Readonly<{ file: (path: string) => Uint8Array | undefined }>

/** Makes Ignition of Butane. With errors among the problems there is no Ignition (`null`). */
export function transpileButane(
  document: DocumentNode,
  _local: LocalFiles,
): Readonly<{ ignition: unknown; problems: readonly Problem[] }> {
  const message = 'this server does not make Ignition of Butane yet'
  return { ignition: null, problems: [{ severity: 'error', path: '$', at: document.at, message, hint: '' }] }
}
