import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Mac } from '../kit/mac.ts'

/**
 * What one boot of one machine may do, sealed into a word that goes into URLs. The server keeps nothing: a word stays good when
 * the server is killed and started again, and however many are handed out, none takes memory.
 */
export type Grant = Readonly<{
  /**
   * `boot` reports launch and failure; `file` reads the profile's files; `agent` fetches the pass of the management OS, once;
   * `agent-boot` reports its launch and failure; `login` fetches how a system logs in to its disks; `choice` boots an entry of a menu whose password was typed; `disc` fetches
   * the machine's boot disc; `home` lets an installed system say that it runs, and nothing else.
   */
  use: 'boot' | 'file' | 'agent' | 'agent-boot' | 'login' | 'choice' | 'disc' | 'home'
  /** Id of the machine. */
  machine: string
  /** The MAC it boots with. */
  mac: Mac
  /** Of `agent`, `agent-boot` and `home`: id of the deployment. */
  profile: string
  /**
   * Id of the next boot that this boot uses up; `null` for the default profile. Of `agent`: id of the boot that the word is for. Of
   * `choice`: name of the menu.
   */
  once: string | null
  expiresAt: number
}>

/** Characters of the seal: 128 bits as base64url. */
const SEAL = 22

/** Only letters, digits and `. _ - ~`: iPXE of 2019 sends nothing else unchanged. `key` holds 32 random bytes. */
export function sealGrant(grant: Grant, key: KeyObject): string {
  const { use, machine, mac, profile, once, expiresAt } = grant
  const text = [use, machine, mac.replaceAll(':', ''), profile, once ?? '', expiresAt.toString(36)].join('~')
  return `${text}~${seal(text, key)}`
}

/** The grant, or why the word is not accepted, as the end of the sentence "this boot ...". */
export function openGrant(word: string, use: Grant['use'], key: KeyObject, now: number): Grant | 'forged' | 'expired' {
  const at = word.lastIndexOf('~')
  if (word.length > 300 || at < 0) return 'forged'
  const text = word.slice(0, at)
  const given = Buffer.from(word.slice(at + 1), 'latin1')
  if (given.length !== SEAL || !timingSafeEqual(given, Buffer.from(seal(text, key), 'latin1'))) return 'forged'
  const [kind, machine = '', mac = '', profile = '', once = '', expiry = ''] = text.split('~')
  if (kind !== use) return 'forged'
  const expiresAt = Number.parseInt(expiry, 36)
  if (!(expiresAt > now)) return 'expired'
  return { use, machine, mac: mac.replace(/..(?=.)/g, '$&:') as Mac, profile, once: once || null, expiresAt }
}

function seal(text: string, key: KeyObject): string {
  return createHmac('sha256', key).update(text).digest('base64url').slice(0, SEAL)
}
