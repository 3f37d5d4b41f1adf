/**
 * What iPXE does to a line, in every version from 2010 to today: words end at white space and nothing quotes it; a word that
 * starts with `#` ends the line; a word that is `||`, `&&` or `;` starts a second command; `${name}` is replaced inside a
 * word, after the words were split; a line that ends with a backslash goes on in the next.
 */
const SEPARATORS = new Set(['||', '&&', ';'])
/** Holds for every text that is refused; for the rest, which is nearly all, it saves the closer look. */
const SUSPICIOUS = /[^\x20-\x7e]|\$\{|[#;\\]|\|\||&&/

/** A setting of iPXE that the firmware itself puts in, the only way to an expansion. */
export type Expansion = Readonly<{ setting: ExpandedSetting; as?: ExpansionFormat | undefined }>

/**
 * The settings that scripts may expand: what the machine knows of itself, and what our scripts set. The value is for people.
 * A value comes from the machine and may hold anything but cannot add a command: iPXE splits words before it expands.
 */
export const EXPANDED_SETTINGS = {
  'netX/mac': 'MAC of the card that iPXE used last',
  'net0/mac': 'MAC of the first card',
  uuid: 'SMBIOS system UUID',
  serial: 'SMBIOS system serial number',
  manufacturer: 'SMBIOS system manufacturer',
  product: 'SMBIOS system product name',
  buildarch: 'what iPXE was built for: i386, x86_64, arm64, ...',
  platform: 'pcbios or efi',
  errno: 'number of the last error, as in http://ipxe.org/NUMBER',
  mac: 'set by start.ipxe',
  arch: 'set by start.ipxe',
  step: 'set by our scripts: what is being tried',
  choice: 'set by our menus',
  password: 'what somebody typed at a login; only as hexraw, in a URL',
} as const
export type ExpandedSetting = keyof typeof EXPANDED_SETTINGS

/**
 * `hexraw` gives the bytes as hex digits. It is the one safe form for foreign text in a URL: iPXE of 2019 sends
 * `${serial:uristring}` decoded again, so that an `&` in a serial number starts another parameter.
 */
export type ExpansionFormat = 'hexraw'

/** Text with expansions in between. */
export type Text = string | readonly (string | Expansion)[]

/** A value that has no place in a boot script. The message ends a sentence that starts with what the value is. */
export class UnsafeText extends RangeError {
  override name = 'UnsafeText'
}

/** Why a text cannot stand in a boot script as it is, as the end of a sentence ("has ..."); `undefined` when it can. */
export function refuseText(text: string): string | undefined {
  if (!SUSPICIOUS.test(text)) return undefined
  if (/[^\x20-\x7e]/.test(text)) return 'has a character that is not printable ASCII'
  if (text.includes('${')) return 'has ${, which iPXE would expand'
  if (text.endsWith('\\')) return 'ends with a backslash, which would join the next line'
  for (const word of text.split(' ')) {
    if (SEPARATORS.has(word)) return `has the word ${word}, which would start a second command`
    if (word.startsWith('#')) return `has the word ${word}, which would start a comment`
  }
  return undefined
}

/** For the screen: the text itself when it is safe, else with a dot for everything but letters, digits and plain punctuation. */
export function plainText(text: string): string {
  return refuseText(text) === undefined ? text : text.replace(/[^A-Za-z0-9 ,:()_@/=-]/g, '.')
}

/** The text as it goes into a line; spaces may be anywhere. What iPXE would read as anything else than text is `UnsafeText`. */
export function encodeText(text: Text, what: string): string {
  if (typeof text === 'string') {
    const problem = refuseText(text)
    if (problem !== undefined) throw new UnsafeText(`${what} ${problem}`)
    return text
  }
  const parts = text
  // The words are judged with every expansion standing for one letter: alone, `#` and `;` could hide behind one.
  const seen = parts.map((part) => (typeof part === 'string' ? part : 'x')).join('')
  const problem = refuseText(seen) ?? parts.map(refusePart).find((found) => found !== undefined)
  if (problem !== undefined) throw new UnsafeText(`${what} ${problem}`)
  return parts.map((part) => (typeof part === 'string' ? part : encodeExpansion(part))).join('')
}

function refusePart(
  part: string | Expansion,
  index: number,
  parts: readonly (string | Expansion)[],
): string | undefined {
  if (typeof part !== 'string') return undefined
  if (part.endsWith('$') && index + 1 < parts.length) return 'has a $ before an expansion'
  return refuseText(part.endsWith('\\') ? `${part}.` : part.startsWith('#') ? `.${part}` : part)
}

export function encodeExpansion({ setting, as }: Expansion): string {
  if (!Object.hasOwn(EXPANDED_SETTINGS, setting))
    throw new UnsafeText(`the setting ${JSON.stringify(setting)} is not known`)
  if (as !== undefined && as !== 'hexraw') throw new UnsafeText(`the format ${JSON.stringify(as)} is not known`)
  if (setting === 'password' && as !== 'hexraw') throw new UnsafeText('a password would be shown')
  return as === undefined ? `\${${setting}}` : `\${${setting}:${as}}`
}

/** One word of letters, digits and `. _ + -` that starts with a letter or digit: names of images, items, settings, labels. */
export function encodeName(name: string, what: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._+-]{0,127}$/.test(name))
    throw new UnsafeText(`${what} ${JSON.stringify(name)} is not a plain name`)
  return name
}

/**
 * An absolute http URL. Percent signs are refused: iPXE of 2019 decodes them before it sends the request, so the server would
 * see another URL than the one written here.
 */
export function encodeUrl(url: Text, what: string): string {
  const text = encodeText(url, what)
  const parts = typeof url === 'string' ? [url] : url
  const plain = parts.filter((part) => typeof part === 'string')
  if (!/^https?:\/\/[A-Za-z0-9.:[\]-]+\//.test(typeof parts[0] === 'string' ? parts[0] : ''))
    throw new UnsafeText(`${what} is not an absolute http URL`)
  if (plain.some((part) => /[^A-Za-z0-9._~:/?@!&'()*+,=[\]-]/.test(part)))
    throw new UnsafeText(`${what} has a character that iPXE would change before it asks for it`)
  return text
}

export function encodeNumber(value: number, max: number, what: string): string {
  if (!Number.isInteger(value) || value < 0 || value > max)
    throw new UnsafeText(`${what} ${value} is not a whole number up to ${max}`)
  return String(value)
}
