import { DecodeError } from '../../kit/errors.ts'

/** Headers of tar archives (POSIX.1-1988 "ustar", IEEE Std 1003.1 pax, "ustar Interchange Format"): plain files and hard links alone. */

export const BLOCK_BYTES = 512
/** An octal number of 11 digits; what is larger is written in base 256, as GNU tar and bsdtar do and read. */
const MOST_OCTAL = 0o77777777777
const MAGIC = 'ustar\0' + '00'

/** `link`: the name of an earlier entry with the same content; then there is none here. */
export type TarEntry = Readonly<{ name: string; bytes: number; mode: number; modifiedAt: number; link: string | null }>

/** Names of at most 100 characters of ASCII. `modifiedAt`: milliseconds since 1970. */
export function encodeTarHeader({ name, bytes, mode, modifiedAt, link }: TarEntry): Uint8Array {
  const block = new Uint8Array(BLOCK_BYTES)
  text(block, 0, 100, name)
  text(block, 100, 8, octal(mode & 0o777, 7))
  text(block, 108, 8, octal(0, 7))
  text(block, 116, 8, octal(0, 7))
  number(block, 124, bytes)
  text(block, 136, 12, octal(Math.max(0, Math.floor(modifiedAt / 1000)), 11))
  text(block, 156, 1, link === null ? '0' : '1')
  if (link !== null) text(block, 157, 100, link)
  text(block, 257, 8, MAGIC)
  text(block, 148, 8, `${octal(checksum(block), 6)}\0 `)
  return block
}

/** `undefined`: the end of the archive. Throws `DecodeError` for what is no header of a file or hard link. */
export function decodeTarHeader(block: Uint8Array): TarEntry | undefined {
  if (block.length !== BLOCK_BYTES) throw new DecodeError('the archive ends in the middle of a header')
  if (block.every((byte) => byte === 0)) return undefined
  if (readOctal(block, 148, 8) !== checksum(block)) throw new DecodeError('the checksum of a header is wrong')
  if (readText(block, 257, 5) !== 'ustar') throw new DecodeError('it is no archive of the ustar format')
  const kind = block[156]
  if (kind !== 0x30 && kind !== 0x31 && kind !== 0) throw new DecodeError('it holds something that is no plain file')
  const prefix = readText(block, 345, 155)
  const own = readText(block, 0, 100)
  return {
    name: prefix === '' ? own : `${prefix}/${own}`,
    bytes: kind === 0x31 ? 0 : readNumber(block, 124),
    mode: readOctal(block, 100, 8) & 0o777,
    modifiedAt: readOctal(block, 136, 12) * 1000,
    link: kind === 0x31 ? readText(block, 157, 100) : null,
  }
}

/** Zeros that follow a content of so many bytes. */
export function paddingOf(bytes: number): number {
  return (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES
}

/** The sum of all bytes, those of the sum itself taken as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < BLOCK_BYTES; i++) sum += i >= 148 && i < 156 ? 0x20 : block[i]!
  return sum
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0')
}

function text(block: Uint8Array, at: number, room: number, value: string): void {
  if (value.length > room) throw new RangeError(`"${value}" has more than ${room} characters`)
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x7f) throw new RangeError('names in archives are ASCII')
    block[at + i] = code
  }
}

function number(block: Uint8Array, at: number, value: number): void {
  if (value <= MOST_OCTAL) text(block, at, 12, octal(value, 11))
  else {
    block[at] = 0x80
    new DataView(block.buffer).setBigUint64(at + 4, BigInt(value))
  }
}

function readText(block: Uint8Array, at: number, room: number): string {
  let value = ''
  for (let i = at; i < at + room && block[i] !== 0; i++) {
    if (block[i]! > 0x7e || block[i]! < 0x20) throw new DecodeError('a name has characters that are not printable')
    value += String.fromCharCode(block[i]!)
  }
  return value
}

function readOctal(block: Uint8Array, at: number, room: number): number {
  const digits = readText(block, at, room).trim()
  if (!/^[0-7]{0,11}$/.test(digits)) throw new DecodeError('a number of a header is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function readNumber(block: Uint8Array, at: number): number {
  if (block[at] !== 0x80) return readOctal(block, at, 12)
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength)
  const value = view.getBigUint64(at + 4)
  if (view.getUint8(at + 1) + view.getUint16(at + 2) > 0 || value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new DecodeError('a file of the archive is impossibly large')
  return Number(value)
}
