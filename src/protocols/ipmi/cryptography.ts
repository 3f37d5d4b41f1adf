/** IPMI 2.0 table 13-15. Suite 17: RAKP-HMAC-SHA256, HMAC-SHA256-128, AES-CBC-128; suite 3: RAKP-HMAC-SHA1, HMAC-SHA1-96, AES-CBC-128. */
export type IpmiSuite = 17 | 3

export type IpmiHash = 'sha1' | 'sha256'

/** What IPMI needs and this folder cannot do itself: it knows no Node. */
export type IpmiCryptography = Readonly<{
  /** HMAC over the parts, one after the other. 20 bytes for SHA-1, 32 for SHA-256. */
  hmac: (hash: IpmiHash, key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array
  /**
   * AES-128-CBC without padding of its own: `plain` is a multiple of 16 bytes. What comes out begins with the initialization vector,
   * 16 random bytes that are new each time.
   */
  encrypt: (key: Uint8Array, plain: Uint8Array) => Uint8Array
  /** `secret`: as `encrypt` makes it, vector first, at least 32 bytes, a multiple of 16. */
  decrypt: (key: Uint8Array, secret: Uint8Array) => Uint8Array
  random: (bytes: number) => Uint8Array
  /** Takes the same time whatever the bytes are; they have the same length. */
  isSame: (a: Uint8Array, b: Uint8Array) => boolean
}>

/** Numbers of IPMI 2.0 tables 13-17 (authentication), 13-18 (integrity), 13-19 (confidentiality). */
export type IpmiAlgorithms = Readonly<{ authentication: number; integrity: number; confidentiality: number }>

type SuiteFacts = IpmiAlgorithms & Readonly<{ hash: IpmiHash; hashBytes: number; codeBytes: number }>

/** `codeBytes`: to what an integrity check value is cut, in sealed packets and in RAKP message 4 (13.28.1, 13.28.4). */
export const SUITES: Readonly<Record<IpmiSuite, SuiteFacts>> = {
  17: { authentication: 3, integrity: 4, confidentiality: 1, hash: 'sha256', hashBytes: 32, codeBytes: 16 },
  3: { authentication: 1, integrity: 1, confidentiality: 1, hash: 'sha1', hashBytes: 20, codeBytes: 12 },
}

/** The suite whose algorithms these are, if it is one that we know. */
export function suiteOf(algorithms: IpmiAlgorithms): IpmiSuite | undefined {
  for (const suite of [17, 3] as const) {
    const facts = SUITES[suite]
    if (
      facts.authentication === algorithms.authentication &&
      facts.integrity === algorithms.integrity &&
      facts.confidentiality === algorithms.confidentiality
    )
      return suite
  }
  return undefined
}
