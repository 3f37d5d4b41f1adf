import { createHash, randomInt } from 'node:crypto'

/** Names of iSCSI nodes have lower-case letters, digits, hyphens, dots and colons (RFC 7143, 4.2.7.1; RFC 3722). */
function word(text: string): string {
  const plain = text.toLowerCase().replace(/[^a-z0-9.-]/g, '-')
  if (plain === text) return plain
  // Two names that differ only in what was replaced must not become one.
  return `${plain}.${createHash('sha256').update(text).digest('hex').slice(0, 6)}`
}

/** What a machine calls itself, whatever it boots. `prefix`: the setting `iscsi.name`. */
export function initiatorOf(prefix: string, machine: string): string {
  return `${prefix}:${machine.replaceAll('_', '-')}`
}

/** The target of a machine for one profile: the same at every boot, because systems write it down. */
export function bootTargetOf(prefix: string, machine: string, profile: string): string {
  return `${prefix}:${machine.replaceAll('_', '-')}:${word(profile)}`
}

/** The target of an export or an examination: one of its own each time. */
export function exportTargetOf(prefix: string, volume: string, attachment: string): string {
  return `${prefix}:${word(volume)}:${attachment.replaceAll('_', '-')}`
}

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789'

/** 16 letters and digits: the longest that every initiator takes, with more than 90 bits. */
export function newChapSecret(): string {
  return Array.from({ length: 16 }, () => LETTERS[randomInt(LETTERS.length)]).join('')
}
