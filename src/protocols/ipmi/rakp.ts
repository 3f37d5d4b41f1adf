import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type IpmiCryptography, type IpmiSuite, SUITES } from './cryptography.ts'
import { RMCP_STATUS } from './status.ts'

export const RANDOM_BYTES = 16
export const GUID_BYTES = 16
export const MOST_NAME_BYTES = 16
/** Longer passwords do not exist in IPMI 2.0 (§22.30). */
export const MOST_PASSWORD_BYTES = 20

/** RAKP message 1 (table 13-11). `nameOnly`: the account is found by its name alone; otherwise by name and privilege level. */
export type Rakp1 = Readonly<{
  tag: number
  managedId: number
  consoleRandom: Uint8Array
  nameOnly: boolean
  /** What is asked for; at most the account's is given. */
  privilege: number
  name: Uint8Array
}>

/** RAKP message 2 (table 13-12), when status is 0. `code`: the proof that the BMC knows the password. */
export type Rakp2 = Readonly<{
  tag: number
  consoleId: number
  managedRandom: Uint8Array
  guid: Uint8Array
  code: Uint8Array
}>
/** RAKP message 3 (table 13-13). `code`: the console's proof; empty with an error status, which ends the try. */
export type Rakp3 = Readonly<{ tag: number; status: number; managedId: number; code: Uint8Array }>
/** RAKP message 4 (table 13-14), when status is 0. */
export type Rakp4 = Readonly<{ tag: number; consoleId: number; code: Uint8Array }>

/** Answers 2 and 4 when they refuse. */
export type RakpRefusal = Readonly<{ tag: number; status: number; consoleId: number }>

/** Role byte (table 13-11): bit 4 name-only lookup, bits 3:0 the level. */
export function roleByte(message: Pick<Rakp1, 'nameOnly' | 'privilege'>): number {
  return (message.nameOnly ? 0x10 : 0) | message.privilege
}

export function encodeRakp1(message: Rakp1): Uint8Array {
  const { tag, managedId, consoleRandom, name } = message
  const writer = new ByteWriter(44).u8(tag).u8(0).u16(0).u32le(managedId).bytes(consoleRandom, RANDOM_BYTES)
  return writer.u8(roleByte(message)).u16(0).u8(name.length).bytes(name).finish()
}

/** The name is as long as the length byte says; what follows it (some send 16 bytes always) is left aside. */
export function decodeRakp1(payload: Uint8Array): Rakp1 {
  const reader = new ByteReader(payload)
  const tag = reader.u8()
  reader.skip(3)
  const managedId = reader.u32le()
  const consoleRandom = reader.bytes(RANDOM_BYTES)
  const role = reader.u8()
  reader.skip(2)
  const length = reader.u8()
  if (length > MOST_NAME_BYTES) throw new DecodeError(`a user name of ${length} bytes`)
  return {
    tag,
    managedId,
    consoleRandom,
    nameOnly: (role & 0x10) !== 0,
    privilege: role & 0x0f,
    name: reader.bytes(length),
  }
}

export function encodeRakp2(message: Rakp2): Uint8Array {
  const writer = new ByteWriter(72).u8(message.tag).u8(0).u16(0).u32le(message.consoleId)
  writer.bytes(message.managedRandom, RANDOM_BYTES).bytes(message.guid, GUID_BYTES)
  return writer.bytes(message.code).finish()
}

/** The code has the length that the suite's hash has. */
export function decodeRakp2(payload: Uint8Array, suite: IpmiSuite): Rakp2 | RakpRefusal {
  const reader = new ByteReader(payload)
  const refusal = readHead(reader)
  if (refusal.status !== RMCP_STATUS.ok) return refusal
  return {
    tag: refusal.tag,
    consoleId: refusal.consoleId,
    managedRandom: reader.bytes(RANDOM_BYTES),
    guid: reader.bytes(GUID_BYTES),
    code: reader.bytes(SUITES[suite].hashBytes),
  }
}

export function encodeRakp3(message: Rakp3): Uint8Array {
  const writer = new ByteWriter(40).u8(message.tag).u8(message.status).u16(0).u32le(message.managedId)
  return writer.bytes(message.code).finish()
}

/** With an error status the code may be missing; otherwise it has the length of the suite's hash, which the caller compares. */
export function decodeRakp3(payload: Uint8Array): Rakp3 {
  const reader = new ByteReader(payload)
  const tag = reader.u8()
  const status = reader.u8()
  reader.skip(2)
  const managedId = reader.u32le()
  if (reader.remaining > 64) throw new DecodeError('a key exchange code of more than 64 bytes')
  return { tag, status, managedId, code: reader.rest() }
}

export function encodeRakp4(message: Rakp4): Uint8Array {
  return new ByteWriter(24).u8(message.tag).u8(0).u16(0).u32le(message.consoleId).bytes(message.code).finish()
}

export function decodeRakp4(payload: Uint8Array, suite: IpmiSuite): Rakp4 | RakpRefusal {
  const reader = new ByteReader(payload)
  const refusal = readHead(reader)
  if (refusal.status !== RMCP_STATUS.ok) return refusal
  return { tag: refusal.tag, consoleId: refusal.consoleId, code: reader.bytes(SUITES[suite].codeBytes) }
}

/** Message 2 or 4 with an error status: nothing follows the id. */
export function encodeRakpRefusal(refusal: RakpRefusal): Uint8Array {
  return new ByteWriter(8).u8(refusal.tag).u8(refusal.status).u16(0).u32le(refusal.consoleId).finish()
}

export function isRakpRefusal(message: Rakp2 | Rakp4 | RakpRefusal): message is RakpRefusal {
  return 'status' in message
}

function readHead(reader: ByteReader): RakpRefusal {
  const tag = reader.u8()
  const status = reader.u8()
  // Some BMCs cut a refusal short before the id.
  if (status !== RMCP_STATUS.ok && reader.remaining < 6) return { tag, status, consoleId: 0 }
  reader.skip(2)
  return { tag, status, consoleId: reader.u32le() }
}

/** What both sides know after messages 1 and 2; names are those of IPMI 2.0 §13.31: SIDM, SIDC, RM, RC, GUIDC. */
export type RakpExchange = Readonly<{
  suite: IpmiSuite
  consoleId: number
  managedId: number
  consoleRandom: Uint8Array
  managedRandom: Uint8Array
  guid: Uint8Array
  /** The byte as it came: codes are over it. */
  role: number
  name: Uint8Array
}>

/** K1 signs, K2 encrypts (§13.32). */
export type SessionKeys = Readonly<{ suite: IpmiSuite; integrity: Uint8Array; encryption: Uint8Array }>

/** KUID: the password, at most 20 bytes. Padding with zeros is left to HMAC, which does the same. */
function nameAndRole(exchange: RakpExchange): Uint8Array {
  return Uint8Array.of(exchange.role, exchange.name.length, ...exchange.name)
}

function little(id: number): Uint8Array {
  return Uint8Array.of(id, id >>> 8, id >>> 16, id >>> 24)
}

/** The code of message 2 (§13.31.1): HMAC over SIDM, SIDC, RM, RC, GUIDC, role and name, keyed with the password. */
export function rakp2Code(crypto: IpmiCryptography, exchange: RakpExchange, password: Uint8Array): Uint8Array {
  const { consoleId, managedId, consoleRandom, managedRandom, guid } = exchange
  return crypto.hmac(
    SUITES[exchange.suite].hash,
    password,
    little(consoleId),
    little(managedId),
    consoleRandom,
    managedRandom,
    guid,
    nameAndRole(exchange),
  )
}

/** The code of message 3: over RC, SIDM, role and name, keyed with the password. */
export function rakp3Code(crypto: IpmiCryptography, exchange: RakpExchange, password: Uint8Array): Uint8Array {
  const { suite, managedRandom, consoleId } = exchange
  return crypto.hmac(SUITES[suite].hash, password, managedRandom, little(consoleId), nameAndRole(exchange))
}

/** SIK (§13.31): over RM, RC, role and name, keyed with the BMC's key KG, or the password where there is none. */
export function sessionIntegrityKey(crypto: IpmiCryptography, exchange: RakpExchange, key: Uint8Array): Uint8Array {
  const { suite, consoleRandom, managedRandom } = exchange
  return crypto.hmac(SUITES[suite].hash, key, consoleRandom, managedRandom, nameAndRole(exchange))
}

/** The code of message 4: over RM, SIDC and GUIDC, keyed with SIK, cut to the length of the suite's integrity algorithm. */
export function rakp4Code(crypto: IpmiCryptography, exchange: RakpExchange, sik: Uint8Array): Uint8Array {
  const { hash, codeBytes } = SUITES[exchange.suite]
  return crypto
    .hmac(hash, sik, exchange.consoleRandom, little(exchange.managedId), exchange.guid)
    .subarray(0, codeBytes)
}

const CONST_1 = new Uint8Array(20).fill(1)
const CONST_2 = new Uint8Array(20).fill(2)

/** K1 and K2 (§13.32): over 20 bytes of 1 and of 2, keyed with SIK. AES takes the first 16 bytes of K2. */
export function sessionKeys(crypto: IpmiCryptography, suite: IpmiSuite, sik: Uint8Array): SessionKeys {
  const { hash } = SUITES[suite]
  return {
    suite,
    integrity: crypto.hmac(hash, sik, CONST_1),
    encryption: crypto.hmac(hash, sik, CONST_2).slice(0, 16),
  }
}
