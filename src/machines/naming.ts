import { Refusal } from '../kit/errors.ts'
import { Name } from '../profiles/profile.ts'

/** `%04d`, `%w`, `%m`, `%{tag:rack}`. */
const FIELD = /%0?([1-9]?)d|%w|%m|%\{tag:([A-Za-z0-9._-]{1,32})\}/g
/** What tells machines apart: a number, a word or the MAC. */
const TELLS_APART = /%0?[1-9]?d|%w|%m/
const COUNTS = /%0?[1-9]?d|%w/

/** Short, easy to say and to tell apart on the telephone. */
const WORDS = (
  'acorn amber anchor apple arrow aspen badger bamboo barley basil beacon beaver birch bison bramble breeze brook cactus camel ' +
  'canoe cedar cherry clover cobalt comet copper coral cricket crystal daisy dolphin dune eagle ember falcon fern finch flint ' +
  'forest fossil garnet gecko ginger glacier granite harbor hazel heron holly indigo island ivory jasper juniper kestrel lagoon ' +
  'lantern lemon lilac linden lotus lynx magnet maple marble meadow melon mint nectar nickel nutmeg ocean olive onyx opal orchid ' +
  'osprey otter panda pebble pepper pine planet poplar prairie quartz quince rabbit raven reef ribbon river robin saffron salmon ' +
  'sequoia shadow silver sparrow spruce summit sunset swan thistle thunder tiger topaz tulip turtle valley velvet violet walnut ' +
  'willow winter wombat yarrow zebra zinc'
).split(' ')

/** What a pattern may name of a machine that has no name yet. */
export type NamedBy = Readonly<{ macs: readonly string[]; tags: readonly string[] }>

const NOTHING: NamedBy = { macs: [], tags: [] }

/**
 * The name that a pattern makes of a number: `%04d` is the number, filled with zeros; `%w` a word of ours; `%m` the last three
 * bytes of the MAC; `%{tag:rack}` is `a3` where the machine has the tag `rack=a3`, and `new` where it has none.
 */
export function formatName(pattern: string, number: number, { macs, tags }: NamedBy = NOTHING): string {
  return pattern.replace(FIELD, (field, width: string | undefined, tag: string | undefined) => {
    if (tag !== undefined) return valueOfTag(tag, tags)
    if (field === '%w') return WORDS[(number - 1) % WORDS.length]!
    if (field === '%m') return (macs[0] ?? '000000').replaceAll(':', '').slice(-6)
    return String(number).padStart(Number(width || 1), '0')
  })
}

function valueOfTag(name: string, tags: readonly string[]): string {
  const value = tags.find((tag) => tag.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  const plain = value.toLowerCase().replace(/[^a-z0-9]+/g, '-')
  return plain.slice(0, 20).replace(/^-+|-+$/g, '') || 'new'
}

/**
 * Hands out the names of a pattern in order, skipping those taken. A name freed by deletion is not handed out again before a
 * restart, so that yesterday's `node-0007` in somebody's notes is not suddenly another machine. Each rack counts by itself.
 */
export class NameSequence {
  readonly #pattern: string
  readonly #next = new Map<string, number>()

  /** A pattern that tells no machines apart, or one that makes no valid name, is a `Refusal`. */
  constructor(pattern: string) {
    if (!TELLS_APART.test(pattern) || !Name.safeParse(formatName(pattern, 1)).success)
      throw new Refusal(
        'validation-failed',
        `the name pattern ${JSON.stringify(pattern)} does not make machine names`,
        {
          next: 'use lower-case letters, digits and hyphens around a number, a word or the MAC, such as node-%04d, %w or pc-%m',
        },
      )
    this.#pattern = pattern
  }

  next(taken: (name: string) => boolean, machine: NamedBy = NOTHING): string {
    const counts = COUNTS.test(this.#pattern)
    const row = counts ? formatName(this.#pattern.replaceAll(new RegExp(COUNTS, 'g'), '+'), 1, machine) : ''
    for (let number = (counts && this.#next.get(row)) || 1; ; number++) {
      const made = formatName(this.#pattern, number, machine)
      // Words end, and two machines may have the same end of their MACs.
      const round = /%0?[1-9]?d/.test(this.#pattern) ? 1 : counts ? Math.ceil(number / WORDS.length) : number
      const ending = round > 1 ? `-${round}` : ''
      const name = `${made.slice(0, 63 - ending.length).replace(/-+$/, '')}${ending}`
      if (counts) this.#next.set(row, number + 1)
      if (!taken(name)) return name
    }
  }
}
