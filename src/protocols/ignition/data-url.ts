const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
/** What RFC 2396 §2.3 leaves as it is; Butane escapes everything else in data URLs. */
const UNRESERVED = new Set([...ALPHABET.slice(0, 62), ...`-_.!~*'()`].map((letter) => letter.charCodeAt(0)))
const HEX = '0123456789ABCDEF'

/** UTF-8. Halves of surrogate pairs become U+FFFD, as everywhere else. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const letter of text) {
    let code = letter.codePointAt(0)!
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd
    if (code < 0x80) bytes.push(code)
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63))
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
  }
  return Uint8Array.from(bytes)
}

/** The text of UTF-8, or nothing where it is none (RFC 3629 §4). */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!
    const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : (first & 0xf0) === 0xe0 ? 2 : 3
    if (more === 3 && (first < 0xf0 || first > 0xf4)) return undefined
    let code = more === 0 ? first : first & (0x3f >> more)
    for (let i = 1; i <= more; i++) {
      const next = bytes[at + i]
      if (next === undefined || (next & 0xc0) !== 0x80) return undefined
      code = (code << 6) | (next & 63)
    }
    const least = [0, 0x80, 0x800, 0x10000][more]!
    if (code < least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return undefined
    parts.push(String.fromCodePoint(code))
    at += more + 1
  }
  return parts.join('')
}

export function base64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b = 0, c = 0] = bytes.subarray(at, at + 3) as unknown as [number, number?, number?]
    const word = (a << 16) | (b << 8) | c
    const letters = [word >> 18, (word >> 12) & 63, (word >> 6) & 63, word & 63].map((index) => ALPHABET[index]!)
    const left = bytes.length - at
    parts.push(
      left === 1 ? `${letters[0]}${letters[1]}==` : left === 2 ? `${letters.slice(0, 3).join('')}=` : letters.join(''),
    )
  }
  return parts.join('')
}

/** Makes gzip (RFC 1952) of bytes. */
export type Gzip = (bytes: Uint8Array) => Uint8Array
/** What `base64` makes of `length` bytes, with what says so. */
const lengthInBase64 = (length: number) => ';base64'.length + Math.ceil(length / 3) * 4
/** Header and trailer of gzip (RFC 1952 §2.3) and the shortest deflate stream: nothing is packed into less. */
const LEAST_PACKED = 20

/**
 * A data URL (RFC 2397) as Butane writes it: escaped, in base64, or packed by gzip and then in base64, whichever is the shortest; being
 * packed counts for the four letters that `compression` says. Without `gzip` nothing is packed.
 */
export function dataUrl(bytes: Uint8Array, gzip?: Gzip): Readonly<{ source: string; compression: '' | 'gzip' }> {
  let escaped = 0
  for (const byte of bytes) escaped += UNRESERVED.has(byte) ? 1 : 3
  const plain = Math.min(escaped, lengthInBase64(bytes.length))
  const mayPack = gzip !== undefined && lengthInBase64(LEAST_PACKED) + 'gzip'.length < plain
  const packed = mayPack ? gzip(bytes) : undefined
  if (packed && lengthInBase64(packed.length) + 'gzip'.length < plain)
    return { source: `data:;base64,${base64(packed)}`, compression: 'gzip' }
  if (plain < escaped) return { source: `data:;base64,${base64(bytes)}`, compression: '' }
  return { source: escapedUrl(bytes), compression: '' }
}

/** A data URL of what is mostly text, escaped. */
export function escapedUrl(bytes: Uint8Array): string {
  const parts: string[] = []
  for (const byte of bytes)
    parts.push(UNRESERVED.has(byte) ? String.fromCharCode(byte) : `%${HEX[byte >> 4]}${HEX[byte & 15]}`)
  return `data:,${parts.join('')}`
}

const LETTER = "[A-Za-z0-9!#$&^_.+*'`|{}~-]"
/** `data:[type/subtype][;name=value…][;base64],` (RFC 2397 §2). No two ways through it, so that a long URL takes no long time. */
const VALUE = `(?:(?:${LETTER}|%[0-9A-Fa-f]{2})+|"[^"]*")`
const HEAD = new RegExp(`^data:(?:${LETTER}+/${LETTER}+)?(?:;${LETTER}+=${VALUE})*(?<packed>;base64)?,`, 'i')
/** What is no `urlchar` of RFC 2396. */
const UNSAFE = /[^A-Za-z0-9;/?:@&=+$,\-_.!~*'()%]/

/** What is wrong with a data URL; nothing if it can be read. */
export function dataUrlFault(url: string): string | undefined {
  if (!url.includes(',')) return 'a data URL needs a comma before its data'
  const head = HEAD.exec(url)
  if (!head) return 'a data URL begins with data:, or data:TYPE/SUBTYPE, or data:;base64,'
  const data = url.slice(head[0].length)
  if (/%(?![0-9A-Fa-f]{2})/.test(data)) return 'a % in the data is not followed by two hexadecimal digits'
  if (head.groups?.packed === undefined)
    return UNSAFE.test(data) ? 'the data has letters that must be escaped' : undefined
  const plain = data.replace(/%([0-9A-Fa-f]{2})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
  const wrong = /[^A-Za-z0-9+/=]|=[^=]|={3}/.test(plain) || plain.length % 4 !== 0
  return wrong ? 'the data is not base64' : undefined
}
