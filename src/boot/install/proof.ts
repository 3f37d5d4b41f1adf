import { createHmac, type KeyObject } from 'node:crypto'

/** What a boot proves itself with. Computed from the boot key, so that nothing is stored and a restarted server knows it still. */
export function secretOf(boot: string, key: KeyObject): string {
  return createHmac('sha256', key).update(`agent secret ${boot}`).digest('base64url')
}

/** What the server says to show that it knows the secret. */
export function proofOf(secret: string, nonce: string, serverNonce: string): string {
  return createHmac('sha256', secret).update(`server ${nonce} ${serverNonce}`).digest('hex')
}

/** What the agent sends with every request. */
export function sessionOf(boot: string, secret: string, nonce: string, serverNonce: string): string {
  return `${boot}.${createHmac('sha256', secret).update(`session ${nonce} ${serverNonce}`).digest('hex')}`
}
