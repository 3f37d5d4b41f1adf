import type { IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import { knownSuites, MOST_SUITE_PARTS, SUITES_PART_BYTES } from './session-less.ts'

/** Where a BMC lists nothing: the older one first, because such BMCs are old. */
const UNLISTED: readonly IpmiSuite[] = [3, 17]

/** Which cipher suite is tried next: the strongest that the BMC lists, and only 17 and 3 ever. */
export class SuiteChoice {
  readonly #wanted: 'auto' | IpmiSuite
  #candidates: readonly IpmiSuite[] | undefined
  #records: number[] = []
  #refused: IpmiSuite[] = []

  constructor(wanted: 'auto' | IpmiSuite) {
    this.#wanted = wanted
    this.forget()
  }

  get candidates(): readonly IpmiSuite[] {
    return this.#candidates ?? UNLISTED
  }

  /** Whether the BMC is to be asked for its list first. */
  get mustAsk(): boolean {
    return this.#candidates === undefined && this.#refused.length === 0
  }

  /** Which part of its list is asked for next. */
  get part(): number {
    return Math.ceil(this.#records.length / SUITES_PART_BYTES)
  }

  /** `undefined`: the BMC refused all. */
  get next(): IpmiSuite | undefined {
    return this.candidates.find((suite) => !this.#refused.includes(suite))
  }

  /** New work begins: what was refused before may be switched on by now. */
  begin(): void {
    this.#refused = []
  }

  /** The data of an answer about `part`. Returns whether there is more. */
  take(data: Uint8Array): boolean {
    const part = data.subarray(1, 1 + SUITES_PART_BYTES)
    this.#records.push(...part)
    if (part.length === SUITES_PART_BYTES && this.part < MOST_SUITE_PARTS) return true
    this.listed()
    return false
  }

  /** No more of the list comes. */
  listed(): void {
    const known = knownSuites(Uint8Array.from(this.#records))
    this.#candidates = known.length > 0 ? known : UNLISTED
    this.#records = []
  }

  refused(suite: IpmiSuite): void {
    this.#refused.push(suite)
    this.forget()
  }

  proven(suite: IpmiSuite): void {
    this.#candidates = [suite]
  }

  /** What was learnt may be wrong by now. */
  forget(): void {
    this.#records = []
    this.#candidates = this.#wanted === 'auto' ? undefined : [this.#wanted]
  }
}
