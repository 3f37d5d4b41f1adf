import type { DocumentNode, Problem } from '../protocols/ignition/document.ts'
import type { ConfigKind, ConfigPart, ConfigProblem, RenderedConfig } from './config.ts'
import { DELIVERIES, type Delivery, languageOf } from './kinds.ts'
import { fillIn, plain, type Rendering, type Scope, type TemplateEngine } from './template.ts'
import { fillCmd } from './write-cmd.ts'
import { fillKickstart, fillPlainLines, fillPreseed } from './write-lines.ts'
import { fillShell } from './write-shell.ts'
import { BROKEN, fillTree, hasRemains, type Misfit, misfitsOfTree, valueOfTree } from './write-values.ts'
import { fillXml } from './write-xml.ts'

const FILLS = {
  xml: fillXml,
  line: fillPlainLines,
  preseed: fillPreseed,
  kickstart: fillKickstart,
  shell: fillShell,
  cmd: fillCmd,
} as const

/** The languages that configs are written in. */
export type Languages = Readonly<{
  template: TemplateEngine
  readYaml: (text: string) => Readonly<{ document: DocumentNode | null; problems: readonly Problem[] }>
  writeYaml: (value: unknown) => string
  /** Butane to Ignition. `file`: a part that the document includes (`local`), as bytes; `list`: the parts below a folder (`trees`). */
  butane: (
    document: DocumentNode,
    around: Readonly<{
      file: (path: string) => Uint8Array | undefined
      list: (folder: string) => readonly string[]
      executable: (path: string) => boolean
      /** Contents that are shorter packed are. */
      packs: boolean
    }>,
  ) => Readonly<{ ignition: unknown; problems: readonly Problem[] }>
  /** What is wrong with plain Ignition. */
  ignition: (document: DocumentNode) => readonly Problem[]
}>

export type RenderOrder = Readonly<{
  config: string
  version: number
  kind: ConfigKind
  parts: readonly ConfigPart[]
  /** Called for each part: what it used of the secrets is told by its own scope. */
  scope: () => Readonly<{ scope: Scope; usedSecret: () => boolean }>
  snippets: ReadonlyMap<string, string>
  /** Used where there is no part `meta-data`. */
  metaData?: Readonly<Record<string, unknown>> | undefined
  /** For a machine; without it contents stay readable. */
  packs: boolean
}>

/** A part after its template was rendered, and how its places lead back. */
type Part = Readonly<{ part: ConfigPart; rendering: Rendering; secret: boolean }>

/** Renders a config. Nothing is thrown: what is wrong is in `problems`, all of it. */
export function renderConfig(order: RenderOrder, languages: Languages): RenderedConfig {
  const problems: ConfigProblem[] = []
  const rendered = new Map<string, Part>()
  for (const part of order.parts) {
    const { scope, usedSecret } = order.scope()
    const rendering = languages.template.render({ part: part.name, content: part.content }, scope, order.snippets)
    for (const { at, message, hint } of rendering.problems)
      problems.push({
        severity: 'error',
        part: at.part,
        path: '$',
        at: { line: at.line, column: at.column ?? 1 },
        message,
        hint,
      })
    rendered.set(part.name, { part, rendering, secret: usedSecret() })
  }
  const deliveries = DELIVERIES[order.kind]
  const parts = deliveries.flatMap((delivery) => {
    const part = rendered.get(delivery.part)
    if (!part) return madeUp(delivery, order, languages, problems)
    if (part.rendering.problems.length > 0) return []
    const given = new Deliverer(order, languages, rendered, problems).deliver(delivery, part)
    return given === undefined ? [] : [given]
  })
  const { config, version, kind } = order
  return { config, version, kind, parts, problems }
}

/** A part that nobody wrote: made where it can be, missed where it must be there. */
function madeUp(
  delivery: Delivery,
  { kind, metaData }: RenderOrder,
  { writeYaml }: Languages,
  problems: ConfigProblem[],
): RenderedConfig['parts'] {
  if (delivery.part === 'meta-data' && metaData)
    return [{ name: delivery.name, contentType: delivery.contentType, content: writeYaml(metaData), secret: false }]
  if (delivery.optional) return []
  const message = `a config of kind ${kind} has a part ${delivery.part}`
  problems.push({ severity: 'error', part: delivery.part, path: '$', at: null, message, hint: 'add it' })
  return []
}

class Deliverer {
  readonly #order: RenderOrder
  readonly #languages: Languages
  readonly #all: ReadonlyMap<string, Part>
  readonly #problems: ConfigProblem[]

  constructor(order: RenderOrder, languages: Languages, all: ReadonlyMap<string, Part>, problems: ConfigProblem[]) {
    this.#order = order
    this.#languages = languages
    this.#all = all
    this.#problems = problems
  }

  deliver(delivery: Delivery, part: Part): RenderedConfig['parts'][number] | undefined {
    const { name, contentType } = delivery
    const language = languageOf(delivery, part.rendering.text)
    const text = language === 'yaml' || language === 'json' ? this.#tree(part) : this.#lines(part, language)
    if (text === undefined) return undefined
    // Local files are part of what is delivered.
    const secret = part.secret || (this.#order.kind === 'butane' && [...this.#all.values()].some((each) => each.secret))
    return { name, contentType, content: text, secret }
  }

  #lines({ part, rendering }: Part, language: keyof typeof FILLS | 'text'): string | undefined {
    const { text, values } = rendering
    const filled =
      language === 'text' ? { text: fillIn(text, values, plain), misfits: [] } : FILLS[language](text, values)
    const misfits = hasRemains(filled.text, values) ? [...filled.misfits, { line: 0, message: BROKEN }] : filled.misfits
    for (const misfit of misfits) this.#misfit(part.name, rendering, misfit)
    return misfits.length > 0 ? undefined : filled.text
  }

  #tree(part: Part): string | undefined {
    const { rendering } = part
    const read = this.#languages.readYaml(rendering.text)
    this.#found(part, read.problems)
    if (!read.document) return undefined
    const document = fillTree(read.document, rendering.values)
    const misfits = rendering.values.size > 0 ? misfitsOfTree(document, rendering.values) : []
    this.#found(
      part,
      misfits.map((misfit) => ({ ...misfit, severity: 'error', hint: 'change the value, or where it stands' })),
    )
    if (misfits.length > 0) return undefined
    if (this.#order.kind === 'butane') {
      const file = (path: string) => this.#file(path)
      const list = (folder: string) => [...this.#all.keys()].filter((name) => name.startsWith(`${folder}/`)).sort()
      const executable = (path: string) => this.#all.get(path)?.part.executable === true
      const { packs } = this.#order
      const { ignition, problems } = this.#languages.butane(document, { file, list, executable, packs })
      this.#found(part, problems)
      return problems.some(({ severity }) => severity === 'error') ? undefined : `${JSON.stringify(ignition)}\n`
    }
    if (this.#order.kind === 'ignition') {
      const problems = this.#languages.ignition(document)
      this.#found(part, problems)
      if (problems.some(({ severity }) => severity === 'error')) return undefined
      return `${JSON.stringify(valueOfTree(document))}\n`
    }
    // cloud-init tells by the first line what a text is.
    const [, header = ''] = /^(#[^\n]*\n)/.exec(rendering.text) ?? []
    const { text, misfits: broken } = fillPlainLines(header, rendering.values)
    for (const misfit of broken) this.#misfit(part.part.name, rendering, misfit)
    return broken.length > 0 ? undefined : `${text}${this.#languages.writeYaml(valueOfTree(document))}`
  }

  #file(path: string): Uint8Array | undefined {
    const part = this.#all.get(path)
    if (!part || part.rendering.problems.length > 0) return undefined
    // A script is one wherever it is kept.
    const filled = this.#lines(part, part.rendering.text.startsWith('#!') ? 'shell' : 'text')
    return new TextEncoder().encode(filled ?? '')
  }

  #found({ part, rendering }: Part, problems: readonly Problem[]): void {
    for (const problem of problems) this.#problems.push({ ...problem, ...placeOf(part, rendering, problem.at) })
  }

  #misfit(part: string, { origins }: Rendering, { line, message }: Misfit): void {
    const origin = origins[line]
    const at = { line: origin?.line ?? line + 1, column: 1 }
    this.#problems.push({
      severity: 'error',
      part: origin?.part ?? part,
      path: '$',
      at,
      message,
      hint: 'change the value',
    })
  }
}

/** Where in the template a place of the rendered text comes from. The column is kept where nothing before it on the line changed. */
function placeOf(
  part: ConfigPart,
  { text, origins }: Rendering,
  at: Problem['at'],
): Pick<ConfigProblem, 'part' | 'at'> {
  if (!at) return { part: part.name, at: null }
  const origin = origins[at.line - 1]
  if (!origin) return { part: part.name, at }
  const written = origin.part === part.name ? part.content.split('\n')[origin.line - 1] : undefined
  const before = text.split('\n')[at.line - 1]?.slice(0, at.column - 1) ?? ''
  return { part: origin.part, at: { line: origin.line, column: written?.startsWith(before) ? at.column : 1 } }
}
