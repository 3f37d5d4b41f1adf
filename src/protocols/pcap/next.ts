import { DecodeError } from '../../kit/errors.ts'
import { OrderedReader } from './cursor.ts'
import { type Capture, type CapturedPacket, LARGEST_PACKET, MOST_PACKETS } from './packet.ts'

/*
 * every block   type 4 | total length 4 | body, padded to 4 | total length 4       (draft-ietf-opsawg-pcapng §3.1)
 */
const BLOCK = { section: 0x0a0d0d0a, interface: 1, simplePacket: 3, enhancedPacket: 6 } as const
const BYTE_ORDER = 0x1a2b3c4d
const SMALLEST_BLOCK = 12
const LARGEST_BLOCK = 16 * 1024 * 1024
const MOST_INTERFACES = 1024
const OPTION = { end: 0, timeResolution: 9, timeOffset: 14 } as const

/** One interface of a section: what its packets' headers leave out. `unit` is time units in a second. */
type Interface = Readonly<{ linkType: number; snapLength: number; unit: number; offsetSeconds: number }>

export function readNext(file: Uint8Array): Capture {
  const packets: CapturedPacket[] = []
  let interfaces: Interface[] = []
  let littleEndian = false
  let at = 0
  while (at < file.length) {
    const left = file.subarray(at)
    if (left.length < SMALLEST_BLOCK) return end(packets, 'the capture is cut off in the last block')
    const type = new OrderedReader(left, littleEndian).u32()
    if (type === BLOCK.section) {
      const order = byteOrder(left)
      if (order === undefined) return end(packets, 'a section of the capture has no valid byte order')
      littleEndian = order
      interfaces = []
    }
    const head = new OrderedReader(left, littleEndian)
    head.skip(4)
    const total = head.u32()
    if (total < SMALLEST_BLOCK || total % 4 !== 0 || total > LARGEST_BLOCK)
      return end(packets, `a block claims ${total} bytes: the capture is damaged there`)
    if (total > left.length) return end(packets, 'the capture is cut off in the last block')
    const body = left.subarray(8, total - 4)
    try {
      if (type === BLOCK.interface) {
        if (interfaces.length >= MOST_INTERFACES)
          return end(packets, `a section has more than ${MOST_INTERFACES} interfaces`)
        interfaces.push(readInterface(body, littleEndian))
      } else if (type === BLOCK.enhancedPacket) packets.push(readEnhanced(body, littleEndian, interfaces))
      else if (type === BLOCK.simplePacket)
        packets.push(readSimple(body, littleEndian, interfaces, packets.at(-1)?.at ?? 0))
    } catch (error) {
      if (error instanceof DecodeError) return end(packets, `a block is damaged: ${error.message}`)
      throw error
    }
    if (packets.length >= MOST_PACKETS) return end(packets, `only the first ${MOST_PACKETS} packets were read`)
    at += total
  }
  return { packets, note: null }
}

function end(packets: readonly CapturedPacket[], note: string): Capture {
  return { packets, note }
}

/** True for little endian (§4.1: the magic number reads right in the order of the section). */
function byteOrder(block: Uint8Array): boolean | undefined {
  for (const littleEndian of [true, false]) {
    const reader = new OrderedReader(block, littleEndian)
    reader.skip(8)
    if (reader.u32() === BYTE_ORDER) return littleEndian
  }
  return undefined
}

/** §4.2: link type 2 | reserved 2 | snaplen 4 | options. */
function readInterface(body: Uint8Array, littleEndian: boolean): Interface {
  const reader = new OrderedReader(body, littleEndian)
  const linkType = reader.u16()
  reader.skip(2)
  const snapLength = reader.u32()
  let unit = 1e6
  let offsetSeconds = 0
  while (reader.remaining >= 4) {
    const code = reader.u16()
    const length = reader.u16()
    if (code === OPTION.end) break
    const value = reader.view(length)
    // §4.2: the highest bit chooses powers of two instead of ten.
    if (code === OPTION.timeResolution && length === 1) {
      const exponent = value[0]! & 0x7f
      unit = (value[0]! & 0x80) !== 0 ? 2 ** exponent : 10 ** exponent
    }
    if (code === OPTION.timeOffset && length === 8) offsetSeconds = signed64(value, littleEndian)
    reader.skip(Math.min(padding(length), reader.remaining))
  }
  return { linkType, snapLength, unit, offsetSeconds }
}

/** §4.3: interface 4 | time high 4 | time low 4 | captured length 4 | original length 4 | bytes | options. */
function readEnhanced(body: Uint8Array, littleEndian: boolean, interfaces: readonly Interface[]): CapturedPacket {
  const reader = new OrderedReader(body, littleEndian)
  const on = interfaceOf(interfaces, reader.u32())
  const high = reader.u32()
  const low = reader.u32()
  const captured = reader.u32()
  const length = reader.u32()
  if (captured > LARGEST_PACKET) throw new DecodeError(`a packet claims ${captured} bytes`)
  const seconds = (high * 2 ** 32 + low) / on.unit + on.offsetSeconds
  return { at: seconds * 1000, linkType: on.linkType, bytes: reader.view(captured), length }
}

/** §4.4: original length 4 | bytes. It has no time: it gets that of the packet before. */
function readSimple(
  body: Uint8Array,
  littleEndian: boolean,
  interfaces: readonly Interface[],
  at: number,
): CapturedPacket {
  const reader = new OrderedReader(body, littleEndian)
  const on = interfaceOf(interfaces, 0)
  const length = reader.u32()
  const captured = Math.min(length, reader.remaining, on.snapLength === 0 ? length : on.snapLength)
  return { at, linkType: on.linkType, bytes: reader.view(captured), length }
}

function interfaceOf(interfaces: readonly Interface[], index: number): Interface {
  const found = interfaces[index]
  if (!found) throw new DecodeError(`a packet is of interface ${index}, which the section does not describe`)
  return found
}

function padding(length: number): number {
  return (4 - (length % 4)) % 4
}

function signed64(bytes: Uint8Array, littleEndian: boolean): number {
  const reader = new OrderedReader(bytes, littleEndian)
  const first = reader.u32()
  const second = reader.u32()
  return littleEndian ? (second | 0) * 2 ** 32 + first : (first | 0) * 2 ** 32 + second
}
