import { latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { decodeBinary, encodeBinary } from './binary.ts'
import type { TextPair } from './text.ts'

/** What the dialogue cannot do itself: it knows no Node. */
export type Cryptography = Readonly<{
  hash: (algorithm: 'md5' | 'sha256', bytes: Uint8Array) => Uint8Array
  random: (bytes: number) => Uint8Array
  /** Takes the same time whatever the bytes are; they have the same length. */
  isSame: (a: Uint8Array, b: Uint8Array) => boolean
}>

export type ChapSecrets = Readonly<{
  user: string
  secret: string
  mutual?: Readonly<{ user: string; secret: string }> | undefined
}>

/** Numbers of the registry of CHAP algorithms, strongest first: SHA-256 and MD5, which is all that iPXE knows. */
const ALGORITHMS = [
  { number: '7', hash: 'sha256', bytes: 32 },
  { number: '5', hash: 'md5', bytes: 16 },
] as const

const MOST_CHALLENGE_BYTES = 1024

/** `pairs`: the answer; `proven`: the initiator is who it says. A refusal's `reason` holds no secret. */
export type ChapStep =
  | Readonly<{ ok: true; pairs: readonly TextPair[]; proven: boolean }>
  | Readonly<{ ok: false; reason: string }>

const failed = (reason: string): ChapStep => ({ ok: false, reason })

/** The target's side of CHAP (RFC 7143, 12.1.3; RFC 1994): CHAP_A, then a challenge, then the proof; ours in turn when asked and known. */
export class ChapDialogue {
  readonly #secrets: ChapSecrets
  readonly #crypto: Cryptography
  #algorithm: (typeof ALGORITHMS)[number] | undefined
  #id = 0
  #challenge: Uint8Array = new Uint8Array(0)

  constructor(secrets: ChapSecrets, crypto: Cryptography) {
    this.#secrets = secrets
    this.#crypto = crypto
  }

  /** @throws DecodeError on values that are not what their keys say. */
  step(keys: ReadonlyMap<string, string>): ChapStep {
    if (!this.#algorithm) return this.#challengeFor(keys.get('CHAP_A'))
    return this.#prove(keys)
  }

  #challengeFor(offered: string | undefined): ChapStep {
    if (offered === undefined) return failed('the initiator offered no CHAP algorithm')
    const list = offered.split(',')
    this.#algorithm = ALGORITHMS.find((one) => list.includes(one.number))
    if (!this.#algorithm) return failed('the initiator offered no CHAP algorithm that we know (MD5, SHA-256)')
    this.#id = this.#crypto.random(1)[0]!
    this.#challenge = this.#crypto.random(this.#algorithm.bytes)
    return {
      ok: true,
      proven: false,
      pairs: [
        ['CHAP_A', this.#algorithm.number],
        ['CHAP_I', String(this.#id)],
        ['CHAP_C', encodeBinary(this.#challenge)],
      ],
    }
  }

  #prove(keys: ReadonlyMap<string, string>): ChapStep {
    const algorithm = this.#algorithm!
    const [name, proof] = [keys.get('CHAP_N'), keys.get('CHAP_R')]
    if (name === undefined || proof === undefined) return failed('the initiator did not answer the CHAP challenge')
    const shown = decodeBinary(proof, algorithm.bytes)
    const right = this.#response(this.#id, this.#secrets.secret, this.#challenge)
    const isRight = shown.length === right.length && this.#crypto.isSame(shown, right)
    // Both are looked at whatever the other is, so that time does not tell which was wrong.
    if (!isRight || name !== this.#secrets.user) return failed('the CHAP user name or secret is wrong')
    const [idText, challengeText] = [keys.get('CHAP_I'), keys.get('CHAP_C')]
    if (idText === undefined && challengeText === undefined) return { ok: true, proven: true, pairs: [] }
    return this.#answer(idText, challengeText)
  }

  /** Our own proof, for mutual CHAP. */
  #answer(idText: string | undefined, challengeText: string | undefined): ChapStep {
    if (idText === undefined || challengeText === undefined) return failed('half a CHAP challenge came')
    const mutual = this.#secrets.mutual
    if (!mutual) return failed('the initiator wants a CHAP proof of the target, which has no secret for it')
    if (mutual.secret === this.#secrets.secret)
      return failed('both CHAP secrets are the same, which would let anybody in')
    if (!/^(0[xX][0-9a-fA-F]{1,2}|[0-9]{1,3})$/.test(idText) || Number(idText) > 255)
      throw new DecodeError('CHAP_I is not a number of one byte')
    const challenge = decodeBinary(challengeText, MOST_CHALLENGE_BYTES)
    // RFC 7143, 12.1.3: a challenge of ours that is sent back would have us prove to an impostor.
    if (challenge.length === this.#challenge.length && this.#crypto.isSame(challenge, this.#challenge))
      return failed('the initiator sent our own CHAP challenge back')
    return {
      ok: true,
      proven: true,
      pairs: [
        ['CHAP_N', mutual.user],
        ['CHAP_R', encodeBinary(this.#response(Number(idText), mutual.secret, challenge))],
      ],
    }
  }

  /** RFC 1994, 4.1: hash of id, secret and challenge. */
  #response(id: number, secret: string, challenge: Uint8Array): Uint8Array {
    const key = latin1Bytes(secret)
    const bytes = new Uint8Array(1 + key.length + challenge.length)
    bytes[0] = id
    bytes.set(key, 1)
    bytes.set(challenge, 1 + key.length)
    return this.#crypto.hash(this.#algorithm!.hash, bytes)
  }
}
