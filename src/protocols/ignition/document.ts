/** A place in a text, from 1 as editors count. */
export type Place = Readonly<{ line: number; column: number }>

/**
 * A YAML or JSON text as a tree that still knows where everything was written. Made by whoever reads the text, so that nothing here
 * knows YAML. Aliases are resolved already; `scalar` values are what the core schema of YAML 1.2 makes of them, except that integers
 * written with a leading zero are octal, as Go's reader of Butane's reads them; `text` is what was written.
 */
export type DocumentNode =
  | Readonly<{ kind: 'map'; at: Place; entries: readonly DocumentEntry[] }>
  | Readonly<{ kind: 'list'; at: Place; items: readonly DocumentNode[] }>
  | Readonly<{ kind: 'scalar'; at: Place; value: string | number | boolean | null; text: string; quoted: boolean }>

export type DocumentEntry = Readonly<{ key: string; keyAt: Place; value: DocumentNode }>

/** What is wrong with a document, or odd about it. `path` as Butane writes it: `$.storage.files.0.path`. */
export type Problem = Readonly<{
  severity: 'error' | 'warning'
  path: string
  at: Place | null
  /** What is wrong, one sentence without a full stop. */
  message: string
  /** What to do about it; empty when the message says it. */
  hint: string
}>
