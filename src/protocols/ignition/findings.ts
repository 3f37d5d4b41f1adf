import type { Place, Problem } from './document.ts'
import { type Language, nameIn, type Shape } from './schema.ts'

/** Where a value stands in a document; kept linked, so that no text is made for what is right. */
export type Path = Readonly<{ above: Path; step: string | number }> | null

export type Spot = Readonly<{ path: Path; at: Place | null }>

/** Nobody reads more; a document of many thousand nodes may have as many mistakes. */
export const MOST_PROBLEMS = 1000

function pathText(path: Path): string {
  const steps: (string | number)[] = []
  for (let each = path; each !== null; each = each.above) steps.push(each.step)
  return ['$', ...steps.reverse()].join('.')
}

type Written = Readonly<{ spot: Spot; shape: Shape | null; parts: Map<string, Spot> }>

/** What is wrong with a document, and where each of its values was written. */
export class Findings {
  readonly problems: Problem[] = []
  readonly #language: Language
  readonly #written = new WeakMap<object, Written>()
  #errors = 0

  constructor(language: Language) {
    this.#language = language
  }

  get failed(): boolean {
    return this.#errors > 0
  }

  /** Remembers where a struct was written, and which table it follows. */
  place(struct: object, spot: Spot, shape: Shape | null): void {
    this.#written.set(struct, { spot, shape, parts: new Map() })
  }

  /** Remembers where a field was written. `name` is Ignition's. */
  placeField(struct: object, name: string, spot: Spot): void {
    this.#written.get(struct)?.parts.set(name, spot)
  }

  /** A struct that was made out of sugar is told at the place of the sugar. */
  adopt<T extends object>(made: T, spot: Spot): T {
    this.place(made, spot, null)
    return made
  }

  /** Takes over the places of `from` where `into` has none. */
  inherit(into: object, from: object): void {
    const source = this.#written.get(from)
    const known = this.#written.get(into)
    if (!source) return
    if (!known) this.#written.set(into, source)
    else for (const [name, spot] of source.parts) known.parts.set(name, spot)
  }

  /** Where a struct is, or a field of it; a field that was not written is told at the struct. */
  where(struct: object, name?: string): Spot {
    const written = this.#written.get(struct)
    if (!written) return { path: null, at: null }
    if (name === undefined) return written.spot
    const { spot, shape, parts } = written
    const part = parts.get(name)
    if (part) return part
    const field = shape?.byJson.get(name)
    return shape === null
      ? spot
      : { path: { above: spot.path, step: field ? nameIn(this.#language, field) : name }, at: spot.at }
  }

  error({ path, at }: Spot, message: string, hint = ''): void {
    this.#errors++
    this.#add({ severity: 'error', path: pathText(path), at, message, hint })
  }

  warn({ path, at }: Spot, message: string, hint = ''): void {
    this.#add({ severity: 'warning', path: pathText(path), at, message, hint })
  }

  #add(problem: Problem): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(problem)
    else if (this.problems.length === MOST_PROBLEMS) {
      const message = `there are more than ${MOST_PROBLEMS} problems`
      // An error, lest warnings before it hide one.
      const severity = 'error' as const
      this.#errors++
      this.problems.push({ severity, path: '$', at: null, message, hint: 'mend the first of them and try again' })
    }
  }
}
