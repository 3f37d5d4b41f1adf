import { createHash, randomBytes } from 'node:crypto'

/** 256 random bits as URL-safe text of 43 characters. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is kept of a session or token secret. Its 256 random bits make salt and slowness pointless. */
export function fingerprint(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** A password that can be read out and typed: 20 characters of 31, 99 bits, in groups of five. */
export function newPassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789'
  const picked: string[] = []
  while (picked.length < 20)
    // 248 is the largest multiple of 31 in a byte: what lies above would favour the first letters.
    for (const byte of randomBytes(32)) if (byte < 248 && picked.length < 20) picked.push(letters[byte % 31]!)
  return (picked.join('').match(/.{5}/g) ?? []).join('-')
}
