const SAMPLE = 20_000
const SOAK = 1_000_000

/** How many inputs each fuzzer tries: `REVEILLE_FUZZ_COUNT`, by default 20,000, and a million with `REVEILLE_SOAK` (`make soak`). */
export function fuzzCount(): number {
  return Number(process.env.REVEILLE_FUZZ_COUNT ?? (process.env.REVEILLE_SOAK ? SOAK : SAMPLE))
}

/** A new seed for every run, printed; `REVEILLE_FUZZ_SEED` runs an old one again. */
export function fuzzSeed(what: string): number {
  const seed = Number(process.env.REVEILLE_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`fuzzing ${what}: REVEILLE_FUZZ_SEED=${seed} REVEILLE_FUZZ_COUNT=${fuzzCount()}`)
  return seed
}

/** Damages valid inputs in the ways that find faults: flipped bits, odd numbers, cuts, repetitions, insertions. Repeatable by its seed. */
export class Mutator {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number from 0 to `limit` - 1. */
  below(limit: number): number {
    // Mulberry32: small, quick, good enough, and the same everywhere.
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  /** A damaged copy; one in eight is left whole, so that valid inputs are among them. */
  mutate(input: Uint8Array): Uint8Array {
    let bytes: Uint8Array = input.slice()
    if (this.below(8) === 0) return bytes
    for (let i = 1 + this.below(4); i > 0; i--) bytes = this.#damage(bytes)
    return bytes
  }

  #damage(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.length + 1)
    switch (this.below(7)) {
      case 0:
        return bytes.subarray(0, at)
      case 1:
        return Uint8Array.of(...bytes.subarray(0, at), ...this.#some(), ...bytes.subarray(at))
      case 2: {
        const from = this.below(bytes.length + 1)
        const piece = bytes.subarray(from, from + this.below(64))
        return Uint8Array.of(...bytes.subarray(0, at), ...piece, ...bytes.subarray(at))
      }
      case 3:
        return Uint8Array.of(...bytes.subarray(0, at), ...bytes.subarray(at + this.below(8)))
      case 4:
        if (at < bytes.length) bytes[at] = this.pick([0, 1, 0x2e, 0x2f, 0x25, 0x7f, 0x80, 0xfe, 0xff])
        return bytes
      case 5:
        if (at < bytes.length) bytes[at] = this.below(256)
        return bytes
      default:
        if (at < bytes.length) bytes[at] = bytes[at]! ^ (1 << this.below(8))
        return bytes
    }
  }

  #some(): number[] {
    return Array.from({ length: this.below(16) }, () => this.below(256))
  }
}
