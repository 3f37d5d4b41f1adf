import { latin1, latin1Bytes } from '../kit/bytes.ts'

/**
 * /etc/shadow (shadow(5)) with another password hash for a user, and today as the day of its change. All other bytes stay. `undefined`: there
 * is no such user.
 */
export function withPassword(shadow: Uint8Array, user: string, hash: string, day: number): Uint8Array | undefined {
  const lines = latin1(shadow).split('\n')
  const at = lines.findIndex((line) => line.startsWith(`${user}:`))
  if (at === -1) return undefined
  const [name, , , ...rest] = lines[at]!.split(':')
  lines[at] = [name, hash, String(day), ...rest].join(':')
  return latin1Bytes(lines.join('\n'))
}
