import { ByteReader } from '../../../kit/bytes.ts'
import type { IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import { encodeRequest } from '../../../protocols/ipmi/message.ts'
import { NET_FN, THIS_CHANNEL } from '../../../protocols/ipmi/net-fn.ts'
import { encodeOld, encodePlus, PAYLOAD } from '../../../protocols/ipmi/packet.ts'

/** What is asked before there is a session; commands of group `application`. */
export const BEFORE_SESSION = { capabilities: 0x38, cipherSuites: 0x54 } as const
/** And what manages it. */
export const OF_SESSION = { setPrivilege: 0x3b, close: 0x3c } as const

const netFn = NET_FN.application

/** In the wrapper of IPMI 1.5, which every BMC knows: bit 7 asks for what IPMI 2.0 added (§22.13). */
export function askCapabilities(sequence: number, privilege: number): Uint8Array {
  const command = BEFORE_SESSION.capabilities
  const data = Uint8Array.of(0x80 | THIS_CHANNEL, privilege)
  return encodeOld(encodeRequest({ netFn, command, sequence, data }))
}

/** Whether the data of the answer says that IPMI 2.0 sessions are opened (table 22-15). */
export const knowsPlus = (data: Uint8Array): boolean => ((data[1] ?? 0) & 0x80) !== 0 && ((data[3] ?? 0) & 0x02) !== 0

/** One part of the list of suites (§22.15); `index` counts parts of 16 bytes. */
export function askCipherSuites(sequence: number, index: number): Uint8Array {
  const data = Uint8Array.of(THIS_CHANNEL, PAYLOAD.ipmi, 0x80 | index)
  return encodePlus(PAYLOAD.ipmi, encodeRequest({ netFn, command: BEFORE_SESSION.cipherSuites, sequence, data }))
}

export const SUITES_PART_BYTES = 16
/** Table 22-18: at most 64 parts. */
export const MOST_SUITE_PARTS = 64

const STANDARD_RECORD = 0xc0
const MAKERS_RECORD = 0xc1

/** Those we speak, best first, of the records of table 22-19. What makes no sense ends the list: what came before it still counts. */
export function knownSuites(records: Uint8Array): readonly IpmiSuite[] {
  const reader = new ByteReader(records)
  const found = new Set<number>()
  while (reader.remaining >= 2) {
    const start = reader.u8()
    if (start === STANDARD_RECORD) found.add(reader.u8())
    else if (start === MAKERS_RECORD && reader.remaining >= 4) reader.skip(4)
    else if (start >= STANDARD_RECORD) break
    // Anything below is the number of an algorithm; the suite's own number says all.
  }
  return ([17, 3] as const).filter((suite) => found.has(suite))
}
