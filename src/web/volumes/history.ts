/** The last values of something that is asked again and again, for a small curve. Kept as long as the page is open. */
export class History {
  readonly #most: number
  readonly #values = new Map<string, number[]>()

  constructor(most: number) {
    this.#most = most
  }

  /** Takes one value of each; those that are not named any more are forgotten. */
  take(now: readonly (readonly [string, number])[]): void {
    const named = new Set(now.map(([id]) => id))
    for (const id of this.#values.keys()) if (!named.has(id)) this.#values.delete(id)
    for (const [id, value] of now) this.#values.set(id, [...(this.#values.get(id) ?? []), value].slice(-this.#most))
  }

  of(id: string): readonly number[] {
    return this.#values.get(id) ?? []
  }
}

/** Points of an SVG polyline: the newest at the right edge, the largest value at the top; a calm line where nothing happened. */
export function points(values: readonly number[], most: number, width: number, height: number): string {
  const largest = Math.max(1, ...values)
  const step = most > 1 ? width / (most - 1) : 0
  return values
    .map((value, at) => {
      const x = width - (values.length - 1 - at) * step
      return `${x.toFixed(1)},${(height - (value / largest) * height).toFixed(1)}`
    })
    .join(' ')
}
