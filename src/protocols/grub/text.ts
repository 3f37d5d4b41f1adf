/**
 * What GRUB does to a script (GRUB manual 2.06, section 15): words end at blanks and at `{ } | & $ ; < >`; single quotes keep
 * everything as it is up to the next one and nothing escapes in them; in double quotes `$name` is replaced, and a backslash
 * takes the meaning of `$`, `"` and itself away. So text goes into single quotes, and text with variables into double ones.
 */

/** A variable that scripts may expand; the value is for people. */
export const GRUB_VARIABLES = {
  net_default_mac: 'MAC of the card that the firmware booted from',
  grub_cpu: 'what GRUB was built for: x86_64, i386, arm64',
  lockdown: 'y while Secure Boot is on',
  uuid: 'set by our first script: SMBIOS system UUID',
  wait: 'set by our scripts: seconds until they ask again',
  step: 'set by our scripts: what is being tried',
  disk: 'set by our scripts: the partition with a boot loader',
  root: 'where names without a device are looked for: the server, or what was set',
  net: 'set by our scripts: the server, while root is something else',
  file: 'set by our scripts: the boot loader on it',
} as const
export type GrubVariable = keyof typeof GRUB_VARIABLES

/** Text with variables in between. Their values come from the machine but are never read as words of the script. */
export type GrubText = string | readonly (string | Readonly<{ variable: GrubVariable }>)[]

/** A value that has no place in a GRUB script. The message ends a sentence that starts with what the value is. */
export class UnsafeText extends RangeError {
  override name = 'UnsafeText'
}

/** Why a text cannot stand in a GRUB script, as the end of a sentence; `undefined` when it can. */
export function refuseText(text: string): string | undefined {
  if (/[^\x20-\x7e]/.test(text)) return 'has a character that is not printable ASCII'
  return undefined
}

/** For the screen: every character that GRUB's screen may not show becomes a dot, and nothing looks like an option. */
export function plainText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '.').replace(/^-+/, (hyphens) => '.'.repeat(hyphens.length))
}

/** One word of a script, quoted. */
export function encodeText(text: GrubText, what: string): string {
  const parts = typeof text === 'string' ? [text] : text
  for (const part of parts) {
    if (typeof part !== 'string') {
      if (!Object.hasOwn(GRUB_VARIABLES, part.variable))
        throw new UnsafeText(`${what} has the variable ${JSON.stringify(part.variable)}, which is not known`)
      continue
    }
    const problem = refuseText(part)
    if (problem !== undefined) throw new UnsafeText(`${what} ${problem}`)
  }
  const whole = parts.join('')
  if (parts.every((part) => typeof part === 'string') && !whole.includes("'")) return `'${whole}'`
  const inner = parts.map((part) => (typeof part === 'string' ? escaped(part) : `\${${part.variable}}`)).join('')
  return `"${inner}"`
}

function escaped(text: string): string {
  return text.replace(/[\\"$]/g, '\\$&')
}

/**
 * A path on the server that the script came from. GRUB joins doubled slashes, and reads a leading parenthesis as a device.
 */
export function encodePath(path: GrubText, what: string): string {
  const parts = typeof path === 'string' ? [path] : path
  if (typeof parts[0] !== 'string' || !parts[0].startsWith('/'))
    throw new UnsafeText(`${what} does not begin with a slash`)
  for (const part of parts)
    if (typeof part === 'string' && /[^A-Za-z0-9._~:/?@!&()*+,=-]/.test(part))
      throw new UnsafeText(`${what} has a character that has no place in a name of a file`)
  // RFC 1350 §5 with RFC 2348 and RFC 2349: the whole request has at most 512 bytes, and its options need some.
  if (parts.filter((part) => typeof part === 'string').join('').length > 440)
    throw new UnsafeText(`${what} is too long for a TFTP request`)
  return encodeText(path, what)
}

/**
 * One argument of a kernel. GRUB puts a backslash before quotes and backslashes when it writes the command line, so that the kernel
 * would get another word than the one written here.
 */
export function encodeArgument(word: string): string {
  if (/["'\\]/.test(word))
    throw new UnsafeText(
      `the command line has a quote or a backslash in ${JSON.stringify(word)}, which GRUB would change`,
    )
  return encodeText(word, 'the command line')
}

export function encodeNumber(value: number, max: number, what: string): string {
  if (!Number.isInteger(value) || value < -1 || value > max)
    throw new UnsafeText(`${what} ${value} is not a whole number up to ${max}`)
  return String(value)
}
