import { ByteReader } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { readClassic } from './classic.ts'
import { readNext } from './next.ts'
import type { Capture } from './packet.ts'

/**
 * Reads a capture file of tcpdump or Wireshark, in classic pcap or pcapng, written on any machine. A file that is neither is a
 * `DecodeError`; one that is cut off or damaged further on gives the packets before and a note.
 */
export function readCapture(file: Uint8Array): Capture {
  if (file.length < 4) throw new DecodeError('the file is too short to be a packet capture')
  const magic = new ByteReader(file).u32()
  const classic = CLASSIC.get(magic)
  if (classic) return readClassic(file, classic)
  if (magic === SECTION_HEADER) return readNext(file)
  throw new DecodeError('the file is not a packet capture (pcap or pcapng)')
}

/** The first four bytes tell byte order and unit of time (draft-ietf-opsawg-pcap §4). */
const CLASSIC = new Map([
  [0xa1b2c3d4, { littleEndian: false, fraction: 1e6 }],
  [0xd4c3b2a1, { littleEndian: true, fraction: 1e6 }],
  [0xa1b23c4d, { littleEndian: false, fraction: 1e9 }],
  [0x4d3cb2a1, { littleEndian: true, fraction: 1e9 }],
])

/** A palindrome, the same in both byte orders (draft-ietf-opsawg-pcapng §4.1). */
const SECTION_HEADER = 0x0a0d0d0a
