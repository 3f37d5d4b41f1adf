import { ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { OrderedReader } from './cursor.ts'
import { type Capture, type CapturedPacket, LARGEST_PACKET, MOST_PACKETS } from './packet.ts'

/*
 * file header   magic 4 | major 2 | minor 2 | reserved 8 | snaplen 4 | link type 4     (draft-ietf-opsawg-pcap §4)
 * each packet   seconds 4 | fraction 4 | captured length 4 | original length 4 | bytes (§5)
 */
const HEADER_LENGTH = 24

export function readClassic(file: Uint8Array, format: { littleEndian: boolean; fraction: number }): Capture {
  const reader = new OrderedReader(file, format.littleEndian)
  if (file.length < HEADER_LENGTH) throw new DecodeError('the header of the capture is cut off')
  reader.skip(20)
  // The upper bits tell of frame check sequences (§4.2).
  const linkType = reader.u32() & 0xffff
  const packets: CapturedPacket[] = []
  while (reader.remaining > 0) {
    if (packets.length >= MOST_PACKETS) return { packets, note: `only the first ${MOST_PACKETS} packets were read` }
    if (reader.remaining < 16) return { packets, note: 'the capture is cut off in the last packet' }
    const seconds = reader.u32()
    const fraction = reader.u32()
    const captured = reader.u32()
    const length = reader.u32()
    if (captured > LARGEST_PACKET)
      return { packets, note: `a packet claims ${captured} bytes: the capture is damaged there` }
    if (captured > reader.remaining) return { packets, note: 'the capture is cut off in the last packet' }
    const at = seconds * 1000 + (fraction / format.fraction) * 1000
    packets.push({ at, linkType, bytes: reader.view(captured), length })
  }
  return { packets, note: null }
}

/** Writes packets of one link type as a classic little-endian capture with microseconds, which every tool reads. */
export function writeClassic(linkType: number, packets: readonly Pick<CapturedPacket, 'at' | 'bytes'>[]): Uint8Array {
  const writer = new ByteWriter(HEADER_LENGTH + packets.length * 400)
  writer.u32le(0xa1b2c3d4).u16le(2).u16le(4).u32le(0).u32le(0).u32le(LARGEST_PACKET).u32le(linkType)
  for (const { at, bytes } of packets) {
    const micros = Math.round(at * 1000)
    writer.u32le(Math.floor(micros / 1e6)).u32le(micros % 1e6)
    writer.u32le(bytes.length).u32le(bytes.length).bytes(bytes)
  }
  return writer.finish()
}
