import { ByteReader, ByteWriter, latin1Bytes } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { answerReader, bytesOf, type Command, requestReader } from './command.ts'
import { fieldText, LATIN1_FIELD, readField } from './id-string.ts'
import { NET_FN, PRIVILEGE_LEVEL } from './net-fn.ts'

/** The device that is the machine itself. */
export const MAIN_FRU = 0

/** IPMI 2.0 table 34-2. `inWords`: offsets and sizes count 16-bit words. */
export const GET_FRU_AREA: Command<Readonly<{ device: number }>, Readonly<{ bytes: number; inWords: boolean }>> = {
  name: 'Get FRU Inventory Area Info',
  netFn: NET_FN.storage,
  command: 0x10,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ device }) => bytesOf(device),
  decodeRequest: (data) => ({ device: requestReader(data, 1).u8() }),
  encodeAnswer: ({ bytes, inWords }) => new ByteWriter(3).u16le(bytes).u8(Number(inWords)).finish(),
  decodeAnswer: (data) => {
    const reader = answerReader(data, 3)
    return { bytes: reader.u16le(), inWords: (reader.u8() & 1) === 1 }
  },
}

export const READ_FRU: Command<
  Readonly<{ device: number; offset: number; count: number }>,
  Readonly<{ data: Uint8Array }>
> = {
  name: 'Read FRU Data',
  netFn: NET_FN.storage,
  command: 0x11,
  privilege: PRIVILEGE_LEVEL.user,
  encodeRequest: ({ device, offset, count }) => new ByteWriter(4).u8(device).u16le(offset).u8(count).finish(),
  decodeRequest: (data) => {
    const reader = requestReader(data, 4)
    return { device: reader.u8(), offset: reader.u16le(), count: reader.u8() }
  },
  encodeAnswer: ({ data }) => new ByteWriter(1 + data.length).u8(data.length).bytes(data).finish(),
  decodeAnswer: (bytes) => {
    const reader = answerReader(bytes, 1)
    return { data: reader.bytes(reader.u8()) }
  },
}

/** What an inventory area says (Platform Management FRU Information Storage Definition 1.0). Empty texts are not said. */
export type FruInventory = Readonly<{
  chassis?: Readonly<{ type: number; partNumber: string; serial: string }> | undefined
  board?:
    | Readonly<{
        /** Milliseconds since 1970; `null` where it is not said. */
        madeAt: number | null
        manufacturer: string
        product: string
        serial: string
        partNumber: string
      }>
    | undefined
  product?:
    | Readonly<{
        manufacturer: string
        name: string
        partNumber: string
        version: string
        serial: string
        assetTag: string
      }>
    | undefined
}>

const VERSION = 0x01
const ENGLISH = 0x00
const END_OF_FIELDS = 0xc1
const MOST_FIELD_BYTES = 63
/** Board dates count minutes from here: 1 January 1996. */
const FIRST_MINUTE_MS = Date.UTC(1996, 0, 1)
const MS_PER_MINUTE = 60_000

const sum = (bytes: Uint8Array): number => bytes.reduce((total, byte) => (total + byte) & 0xff, 0)
const zeroSum = (bytes: Uint8Array): number => -sum(bytes) & 0xff

function writeField(writer: ByteWriter, text: string): void {
  let field = fieldText(text).slice(0, MOST_FIELD_BYTES)
  // A Latin-1 field of one character would have the byte that ends the list (§13).
  if (field.length === 1) field += ' '
  writer.u8(field === '' ? 0 : LATIN1_FIELD | field.length).bytes(latin1Bytes(field))
}

function area(head: readonly number[], fields: readonly string[]): Uint8Array {
  const writer = new ByteWriter(256).u8(VERSION).u8(0)
  for (const byte of head) writer.u8(byte)
  for (const field of fields) writeField(writer, field)
  writer.u8(END_OF_FIELDS)
  const length = Math.ceil((writer.length + 1) / 8) * 8
  const bytes = writer.padTo(length).finish()
  bytes[1] = length / 8
  bytes[length - 1] = zeroSum(bytes)
  return bytes
}

/** The inventory as a device holds it. Texts are cut at 63 bytes. */
export function encodeFru(inventory: FruInventory): Uint8Array {
  const { chassis, board, product } = inventory
  const made = board?.madeAt == null ? 0 : Math.max(0, Math.floor((board.madeAt - FIRST_MINUTE_MS) / MS_PER_MINUTE))
  const minutes = Math.min(made, 0xffffff)
  const parts = [
    new Uint8Array(0),
    chassis ? area([chassis.type], [chassis.partNumber, chassis.serial]) : undefined,
    board
      ? area(
          [ENGLISH, minutes & 0xff, (minutes >> 8) & 0xff, minutes >> 16],
          [board.manufacturer, board.product, board.serial, board.partNumber, ''],
        )
      : undefined,
    product
      ? area(
          [ENGLISH],
          [
            product.manufacturer,
            product.name,
            product.partNumber,
            product.version,
            product.serial,
            product.assetTag,
            '',
          ],
        )
      : undefined,
  ]
  const header = new Uint8Array(8)
  header[0] = VERSION
  const writer = new ByteWriter(1024).bytes(header)
  parts.forEach((part, i) => {
    if (part === undefined || part.length === 0) return
    header[1 + i] = writer.length / 8
    writer.bytes(part)
  })
  header[7] = zeroSum(header)
  const bytes = writer.finish()
  bytes.set(header)
  return bytes
}

function readArea(bytes: Uint8Array, place: number, what: string): ByteReader | undefined {
  if (place === 0) return undefined
  const at = place * 8
  const length = (bytes[at + 1] ?? 0) * 8
  const found = bytes.subarray(at, at + length)
  if (length === 0 || found.length < length) throw new DecodeError(`the ${what} area of the inventory is cut off`)
  if (sum(found) !== 0) throw new DecodeError(`the checksum of the ${what} area of the inventory is wrong`)
  const reader = new ByteReader(found)
  reader.skip(2)
  return reader
}

function readFields(reader: ByteReader, count: number): string[] {
  const fields: string[] = []
  while (fields.length < count && reader.remaining > 0) {
    const typeLength = reader.u8()
    if (typeLength === END_OF_FIELDS) break
    fields.push(readField(reader, typeLength, 6).trim())
  }
  while (fields.length < count) fields.push('')
  return fields
}

/** @throws DecodeError when it is cut off or a checksum is wrong */
export function decodeFru(bytes: Uint8Array): FruInventory {
  const header = bytes.subarray(0, 8)
  if (header.length < 8 || header[0] !== VERSION || sum(header) !== 0)
    throw new DecodeError('the inventory has no valid header')
  const chassis = readArea(bytes, header[2]!, 'chassis')
  const board = readArea(bytes, header[3]!, 'board')
  const product = readArea(bytes, header[4]!, 'product')
  return {
    chassis: chassis && readChassis(chassis),
    board: board && readBoard(board),
    product: product && readProduct(product),
  }
}

function readChassis(reader: ByteReader): FruInventory['chassis'] {
  const type = reader.u8()
  const [partNumber, serial] = readFields(reader, 2) as [string, string]
  return { type, partNumber, serial }
}

function readBoard(reader: ByteReader): FruInventory['board'] {
  reader.skip(1)
  const minutes = reader.u16le() | (reader.u8() << 16)
  const [manufacturer, product, serial, partNumber] = readFields(reader, 4) as [string, string, string, string]
  const madeAt = minutes === 0 ? null : FIRST_MINUTE_MS + minutes * MS_PER_MINUTE
  return { madeAt, manufacturer, product, serial, partNumber }
}

function readProduct(reader: ByteReader): FruInventory['product'] {
  reader.skip(1)
  const [manufacturer, name, partNumber, version, serial, assetTag] = readFields(reader, 6) as [
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return { manufacturer, name, partNumber, version, serial, assetTag }
}
