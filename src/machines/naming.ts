import { Refusal } from '../kit/errors.ts'
import { Name } from '../profiles/profile.ts'

const NUMBER = /%0?([1-9]?)d/

/** The name that a pattern such as `node-%04d` makes of a number; missing digits are filled with zeros. */
export function formatName(pattern: string, number: number): string {
  return pattern.replace(NUMBER, (_, width: string) => String(number).padStart(Number(width || 1), '0'))
}

/**
 * Hands out the names of a pattern in order, skipping those taken. A name freed by deletion is not handed out again before a
 * restart, so that yesterday's `node-0007` in somebody's notes is not suddenly another machine.
 */
export class NameSequence {
  readonly #pattern: string
  #next = 1

  /** A pattern without a number, or one that makes no valid name, is a `Refusal`. */
  constructor(pattern: string) {
    const first = formatName(pattern, 1)
    if (!NUMBER.test(pattern) || !Name.safeParse(first).success)
      throw new Refusal(
        'validation-failed',
        `the name pattern ${JSON.stringify(pattern)} does not make machine names`,
        {
          next: 'use lower-case letters, digits and hyphens around one number, such as node-%04d',
        },
      )
    this.#pattern = pattern
  }

  next(taken: (name: string) => boolean): string {
    for (;;) {
      const name = formatName(this.#pattern, this.#next++)
      if (!taken(name)) return name
    }
  }
}
