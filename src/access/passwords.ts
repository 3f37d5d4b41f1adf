import { argon2 as deriveWithCallback, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Refusal } from '../kit/errors.ts'

const derive = promisify(deriveWithCallback)

type Cost = Readonly<{ memoryKiB: number; passes: number; lanes: number }>

/** OWASP's first choice for argon2id. About 40 ms on the thread pool. */
const COST: Cost = { memoryKiB: 19_456, passes: 2, lanes: 1 }
const TAG_BYTES = 32
const SALT_BYTES = 16

/** Two at a time leave half of the thread pool to files; those who wait beyond the limit are sent away. */
const PARALLEL = 2
const WAITING = 64

/** Hashes and checks passwords with argon2id (RFC 9106), off the event loop and never more than a few at once. */
export class Passwords {
  #running = 0
  readonly #waiting: (() => void)[] = []
  readonly #cost: Cost
  /** Verified for unknown users, so that they take as long as known ones. No password fits it. */
  readonly #decoy: string

  /** A lower cost is for tests alone. */
  constructor(cost: Cost = COST) {
    this.#cost = cost
    this.#decoy = phc(cost, randomBytes(SALT_BYTES), randomBytes(TAG_BYTES))
  }

  /** The hash in PHC form: `$argon2id$v=19$m=..,t=..,p=..$SALT$TAG`. */
  async hash(password: string): Promise<string> {
    const salt = randomBytes(SALT_BYTES)
    const tag = await this.#derive(password, { ...this.#cost, salt, bytes: TAG_BYTES })
    return phc(this.#cost, salt, tag)
  }

  /** Whether the password is the one behind `hash`; without a hash the same work is done and the answer is no. */
  async verify(password: string, hash: string | undefined): Promise<boolean> {
    const parts = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/.exec(
      hash ?? this.#decoy,
    )
    if (!parts) return false
    const [, memory, passes, lanes, salt, tag] = parts
    const expected = Buffer.from(tag!, 'base64')
    const found = await this.#derive(password, {
      salt: Buffer.from(salt!, 'base64'),
      memoryKiB: Number(memory),
      passes: Number(passes),
      lanes: Number(lanes),
      bytes: expected.length,
    })
    return timingSafeEqual(found, expected) && hash !== undefined
  }

  async #derive(password: string, cost: Cost & Readonly<{ salt: Uint8Array; bytes: number }>): Promise<Buffer> {
    await this.#turn()
    try {
      return await derive('argon2id', {
        // NFC, so that an accented letter typed on another keyboard is the same password.
        message: password.normalize('NFC'),
        nonce: cost.salt,
        memory: cost.memoryKiB,
        passes: cost.passes,
        parallelism: cost.lanes,
        tagLength: cost.bytes,
      })
    } finally {
      this.#running--
      this.#waiting.shift()?.()
    }
  }

  async #turn(): Promise<void> {
    if (this.#waiting.length >= WAITING)
      throw new Refusal('too-many-requests', 'too many passwords are being checked at this moment', {
        next: 'try again in a few seconds',
      })
    while (this.#running >= PARALLEL) await new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.#running++
  }
}

function phc({ memoryKiB, passes, lanes }: Cost, salt: Uint8Array, tag: Uint8Array): string {
  return `$argon2id$v=19$m=${memoryKiB},t=${passes},p=${lanes}$${base64(salt)}$${base64(tag)}`
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '')
}
