import {
  type Alias,
  Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  stringify,
  visit,
} from 'yaml'
import type { DocumentEntry, DocumentNode, Place, Problem } from '../../protocols/ignition/document.ts'

const MOST_BYTES = 4 * 1024 * 1024
/** Counted where aliases are followed: a few lines can say a thousand million nodes. */
const MOST_NODES = 200_000
const DEEPEST = 100
const MOST_PROBLEMS = 100

export type Read = Readonly<{ document: DocumentNode | null; problems: readonly Problem[] }>

/** Reads YAML, and so JSON, into a tree with places. Bounded: in bytes, nodes, depth. Whole numbers with a leading zero are octal, as Butane reads them. */
export function readYaml(text: string): Read {
  if (Buffer.byteLength(text) > MOST_BYTES) return refused(`it is larger than ${MOST_BYTES} bytes`)
  const lines = new LineCounter()
  let documents: Document.Parsed[]
  try {
    documents = parseAllDocuments(text, {
      lineCounter: lines,
      version: '1.2',
      schema: 'core',
      merge: true,
      uniqueKeys: true,
      customTags: (tags) => tags,
    }) as Document.Parsed[]
  } catch (error) {
    // Depth that the reader itself gives up on.
    return refused(error instanceof Error ? error.message : 'it cannot be read')
  }
  const [document, second] = documents
  if (!document) return refused('it is empty')
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const problems = documents
    .flatMap(({ errors }) => errors)
    .slice(0, MOST_PROBLEMS)
    .map(
      ({ message, pos }): Problem => ({
        severity: 'error',
        path: '$',
        at: at(pos[0]),
        message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
        hint: '',
      }),
    )
  if (second?.contents)
    problems.push({ ...only('it holds several documents', 'keep one of them'), at: at(second.range[0]) })
  if (problems.length > 0) return { document: null, problems }
  if (document.contents === null) return refused('it is empty')
  try {
    return { document: new Walk(document, at).node(document.contents, 0), problems }
  } catch (error) {
    if (error instanceof Unreadable) return { document: null, problems: [error.problem] }
    throw error
  }
}

/** What YAML 1.1 takes as line breaks (§5.4: NEL, LS, PS), and what is not printable (§5.1): escaped within double quotes. */
const UNPRINTABLE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/
/** Tags of YAML 1.1 that are written as plain words: the value and the merge key. */
const WORDS = /^(=|<<)$/

/** Writes a value as YAML that readers of 1.1 and 1.2 take for the same; the same value is written in the same way. */
export function writeYaml(value: unknown): string {
  const text = stringify(value, WRITTEN)
  if (!UNPRINTABLE.test(text) && !/(^|[\s-])(=|<<)(:|$)/m.test(text)) return text
  const document = new Document(value, {
    ...WRITTEN,
    // It writes `<<` as it is.
    customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:merge'),
  })
  visit(document, {
    Scalar(_, node) {
      if (typeof node.value !== 'string') return
      if (UNPRINTABLE.test(node.value) || WORDS.test(node.value)) node.type = 'QUOTE_DOUBLE'
    },
  })
  return document
    .toString({ lineWidth: 0 })
    .replace(new RegExp(UNPRINTABLE, 'g'), (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const WRITTEN = { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' } as const

class Unreadable extends Error {
  readonly problem: Problem
  constructor(problem: Problem) {
    super(problem.message)
    this.problem = problem
  }
}

class Walk {
  readonly #document: Document.Parsed
  readonly #at: (offset: number) => Place
  /** Looking one up walks through the whole document. */
  readonly #targets = new Map<Alias, unknown>()
  #nodes = 0

  constructor(document: Document.Parsed, at: (offset: number) => Place) {
    this.#document = document
    this.#at = at
  }

  node(node: unknown, depth: number): DocumentNode {
    const place = this.#place(node)
    if (++this.#nodes > MOST_NODES) throw new Unreadable({ ...only(`it has more than ${MOST_NODES} nodes`), at: place })
    if (depth > DEEPEST) throw new Unreadable({ ...only(`it is nested deeper than ${DEEPEST}`), at: place })
    if (isAlias(node)) {
      if (!this.#targets.has(node)) this.#targets.set(node, node.resolve(this.#document))
      const target = this.#targets.get(node)
      if (!target) throw new Unreadable({ ...only(`there is no anchor ${node.source}`), at: place })
      return this.node(target, depth + 1)
    }
    if (isMap(node)) return { kind: 'map', at: place, entries: this.#entries(node.items, depth) }
    if (isSeq(node)) return { kind: 'list', at: place, items: node.items.map((item) => this.node(item, depth + 1)) }
    if (isScalar(node)) return this.#scalar(node, place)
    return { kind: 'scalar', at: place, value: null, text: '', quoted: false }
  }

  #entries(pairs: readonly Pair<unknown, unknown>[], depth: number): DocumentEntry[] {
    const own: DocumentEntry[] = []
    const merged: DocumentEntry[] = []
    for (const { key, value } of pairs) {
      const name = isScalar(key) ? String(key.value ?? '') : undefined
      if (name === undefined) throw new Unreadable({ ...only('a key is no text'), at: this.#place(key) })
      const read = this.node(value, depth + 1)
      const isMerge = isScalar(key) && (key.value === '<<' || typeof key.value === 'symbol') && key.type === 'PLAIN'
      if (!isMerge) own.push({ key: name, keyAt: this.#place(key), value: read })
      else
        for (const map of read.kind === 'list' ? read.items : [read])
          if (map.kind === 'map') merged.push(...map.entries)
    }
    const names = new Set(own.map(({ key }) => key))
    for (const entry of merged)
      if (!names.has(entry.key)) {
        names.add(entry.key)
        own.push(entry)
      }
    return own
  }

  #scalar(node: { value: unknown; source?: string | undefined; type?: string | undefined }, at: Place): DocumentNode {
    const text = node.source ?? String(node.value ?? '')
    const quoted = node.type !== 'PLAIN'
    const value = !quoted && /^[-+]?0[0-7]+$/.test(text) ? Number.parseInt(text, 8) : node.value
    if (value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      return { kind: 'scalar', at, value, text, quoted }
    return { kind: 'scalar', at, value: String(value), text, quoted }
  }

  #place(node: unknown): Place {
    const range = (node as Node | null)?.range
    return this.#at(range?.[0] ?? 0)
  }
}

function only(message: string, hint = ''): Omit<Problem, 'at'> {
  return { severity: 'error', path: '$', message, hint }
}

function refused(message: string): Read {
  return { document: null, problems: [{ ...only(message), at: null }] }
}
