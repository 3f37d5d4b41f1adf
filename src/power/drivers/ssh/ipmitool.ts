import { Refusal } from '../../../kit/errors.ts'
import type { RawAnswer, RawRequest } from '../../driver.ts'

/** More than any IPMI message. */
const MOST_DATA = 255

/** IPMI over the system interface of the machine itself; needs root, or sudo without a password. */
export function ipmitoolCommand({ netFn, lun, command, data }: RawRequest): string {
  if (data.length > MOST_DATA)
    throw new Refusal('validation-failed', `an IPMI request has at most ${MOST_DATA} bytes, not ${data.length}`)
  const bytes = [netFn & 0x3f, command & 0xff, ...data].map((byte) => `0x${byte.toString(16).padStart(2, '0')}`)
  const words = `ipmitool -l ${lun & 3} raw ${bytes.join(' ')}`
  return `sh -c 'if [ "$(id -u)" = 0 ]; then ${words}; else sudo -n ${words}; fi'`
}

/** What `ipmitool raw` printed: bytes in hexadecimal, or the completion code in its complaint. `undefined`: neither. */
export function parseIpmitool(code: number | null, stdout: string, stderr: string): RawAnswer | undefined {
  const refused = /\brsp=0x([0-9a-f]{1,2})\b/i.exec(stderr)?.[1]
  if (refused !== undefined) return { completionCode: Number.parseInt(refused, 16), data: new Uint8Array() }
  const words = stdout.trim().split(/\s+/)
  if (code !== 0) return undefined
  if (words[0] === '') return { completionCode: 0, data: new Uint8Array() }
  if (words.length > 1024 || !words.every((word) => /^[0-9a-f]{2}$/i.test(word))) return undefined
  return { completionCode: 0, data: Uint8Array.from(words, (word) => Number.parseInt(word, 16)) }
}
