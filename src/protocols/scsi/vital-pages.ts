import { latin1Bytes } from '../../kit/bytes.ts'
import { set16, set32, u16 } from './cdb.ts'
import { thirdPartyCopy } from './copy-limits.ts'
import { LIMITS } from './limits.ts'
import type { Plan } from './plan.ts'
import { SENSE } from './sense.ts'

/** What a logical unit tells of itself. */
export type UnitIdentity = Readonly<{
  vendor: string
  product: string
  revision: string
  serial: string
  /** Name of the target, for the designators of page 83h. */
  target: string
}>

const PAGES = [0x00, 0x80, 0x83, 0x8f, 0xb0, 0xb1, 0xb2] as const

/** INQUIRY (SPC-5, 6.6 and 7.7). `identity` is `undefined` for a LUN that is not there. */
export function planInquiry(cdb: Uint8Array, identity: UnitIdentity | undefined, plan: Plan): undefined {
  const room = u16(cdb, 3)
  const vital = (cdb[1]! & 1) !== 0
  // CMDDT is obsolete; a page code without EVPD is an error.
  if ((cdb[1]! & 0xfe) !== 0 || (!vital && cdb[2] !== 0)) return plan.fail(SENSE.invalidField)
  if (!identity) {
    // Peripheral qualifier 011b: nothing can be connected to this LUN.
    if (vital) return plan.fail(SENSE.noSuchLun)
    const nothing = standardData({ vendor: '', product: '', revision: '', serial: '', target: '' })
    nothing[0] = 0x7f
    return plan.answer(nothing, room)
  }
  if (!vital) return plan.answer(standardData(identity), room)
  const page = vitalPage(cdb[2]!, identity)
  if (page) plan.answer(page, room)
  else plan.fail(SENSE.invalidField)
}

/** SAM-5, SPC-4, SBC-3 and iSCSI (SPC-5, table 149). */
const VERSIONS = [0x00a0, 0x0960, 0x0460, 0x04c0] as const

function standardData(identity: UnitIdentity): Uint8Array {
  const data = new Uint8Array(96)
  // Version 6: SPC-4; response data format 2 with HISUP.
  data[2] = 0x06
  data[3] = 0x12
  data[4] = data.length - 5
  // 3PC: EXTENDED COPY.
  data[5] = 0x08
  // CMDQUE.
  data[7] = 0x02
  data.set(field(identity.vendor, 8), 8)
  data.set(field(identity.product, 16), 16)
  data.set(field(identity.revision, 4), 32)
  VERSIONS.forEach((version, i) => {
    set16(data, 58 + 2 * i, version)
  })
  return data
}

function vitalPage(code: number, identity: UnitIdentity): Uint8Array | undefined {
  switch (code) {
    case 0x00:
      return page(code, Uint8Array.from(PAGES))
    case 0x80:
      return page(code, latin1Bytes(identity.serial))
    case 0x83:
      return page(code, designators(identity))
    case 0x8f:
      return page(code, thirdPartyCopy())
    case 0xb0:
      return page(code, blockLimits())
    case 0xb1: {
      // Not rotating.
      const body = new Uint8Array(60)
      set16(body, 0, 1)
      return page(code, body)
    }
    case 0xb2:
      // LBPU, LBPWS, LBPWS10, LBPRZ; thin provisioned (SBC-4, 6.6.6).
      return page(code, Uint8Array.of(0, 0xe4, 0x02, 0))
    default:
      return undefined
  }
}

function page(code: number, body: Uint8Array): Uint8Array {
  const data = new Uint8Array(4 + body.length)
  data[1] = code
  set16(data, 2, body.length)
  data.set(body, 4)
  return data
}

/** SBC-4, 6.6.4. */
function blockLimits(): Uint8Array {
  const body = new Uint8Array(60)
  // WSNZ: WRITE SAME of no blocks is refused.
  body[0] = 1
  body[1] = LIMITS.compareAndWrite
  set16(body, 2, LIMITS.granularity)
  set32(body, 4, LIMITS.transfer)
  set32(body, 8, LIMITS.optimalTransfer)
  set32(body, 16, LIMITS.unmap)
  set32(body, 20, LIMITS.unmapDescriptors)
  set32(body, 24, LIMITS.granularity)
  // UGAVALID, alignment 0.
  set32(body, 28, 0x80000000)
  set32(body, 36, LIMITS.writeSame)
  return body
}

/** A name of a logical unit, as page 83h has it: association 0. */
export type UnitName = Readonly<{ codeSet: number; type: number; value: Uint8Array }>

/** By what a logical unit is known: vendor with serial number, and NAA. */
export function unitNames(identity: UnitIdentity): readonly UnitName[] {
  const text = Uint8Array.of(...field(identity.vendor, 8), ...latin1Bytes(identity.serial))
  return [
    { codeSet: 2, type: 1, value: text },
    { codeSet: 1, type: 3, value: naa(identity) },
  ]
}

/** Page 83h (SPC-5, 7.7.6): names of the unit, of the port and of the target. */
function designators(identity: UnitIdentity): Uint8Array {
  const scsiName = (text: string) => {
    const bytes = latin1Bytes(text)
    const padded = new Uint8Array((bytes.length + 4) & ~3)
    padded.set(bytes)
    return padded
  }
  const list = [
    ...unitNames(identity).map((one) => designator(one.codeSet, one.type, one.value)),
    // Association 1, protocol iSCSI: the port, by relative number and by name.
    designator(0x51, 0x94, Uint8Array.of(0, 0, 0, 1)),
    designator(0x53, 0x98, scsiName(`${identity.target},t,0x0001`)),
    designator(0x53, 0xa8, scsiName(identity.target)),
  ]
  const body = new Uint8Array(list.reduce((sum, one) => sum + one.length, 0))
  let at = 0
  for (const one of list) {
    body.set(one, at)
    at += one.length
  }
  return body
}

function designator(first: number, second: number, value: Uint8Array): Uint8Array {
  const data = new Uint8Array(4 + value.length)
  data[0] = first
  data[1] = second
  data[3] = value.length
  data.set(value, 4)
  return data
}

/** NAA 3h, locally assigned (SPC-5, 7.7.6.6.4): 60 bits of FNV-1a over the serial number, which is random already. */
function naa(identity: UnitIdentity): Uint8Array {
  let sum = 0xcbf29ce484222325n
  for (const byte of latin1Bytes(identity.serial)) sum = BigInt.asUintN(64, (sum ^ BigInt(byte)) * 0x100000001b3n)
  const value = (0x3n << 60n) | (sum & 0x0fffffffffffffffn)
  return Uint8Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(8 * (7 - i))) & 0xffn))
}

/** ASCII in a field padded with spaces (SPC-5, 4.3.1). */
function field(text: string, size: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(0x20)
  bytes.set(latin1Bytes(text.replace(/[^\x20-\x7e]/g, ' ')).subarray(0, size))
  return bytes
}
