import { u16, u24, u32, u64 } from './cdb.ts'
import { LIMITS } from './limits.ts'
import { type Action, BLOCK_BYTES, type Plan } from './plan.ts'
import { SENSE } from './sense.ts'

/**
 * Commands of SBC-4 that touch the medium. Each fills the plan, in bytes of the disk; `blocks` is the size of the disk. Whether the
 * initiator may do this was checked before.
 */
export function planBlockCommand(cdb: Uint8Array, blocks: number, plan: Plan): boolean {
  switch (cdb[0]) {
    case 0x08:
      return plan6(cdb, blocks, plan, 'read')
    case 0x0a:
      return plan6(cdb, blocks, plan, 'write')
    case 0x28:
      return transfer(cdb, u32(cdb, 2), u16(cdb, 7), blocks, plan, 'read')
    case 0xa8:
      return transfer(cdb, u32(cdb, 2), u32(cdb, 6), blocks, plan, 'read')
    case 0x88:
      return transfer(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan, 'read')
    case 0x2a:
      return transfer(cdb, u32(cdb, 2), u16(cdb, 7), blocks, plan, 'write')
    case 0xaa:
      return transfer(cdb, u32(cdb, 2), u32(cdb, 6), blocks, plan, 'write')
    case 0x8a:
      return transfer(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan, 'write')
    case 0x8b:
      return transfer(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan, 'or-write')
    case 0x2e:
      return writeAndVerify(cdb, u32(cdb, 2), u16(cdb, 7), blocks, plan)
    case 0xae:
      return writeAndVerify(cdb, u32(cdb, 2), u32(cdb, 6), blocks, plan)
    case 0x8e:
      return writeAndVerify(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan)
    case 0x2f:
      return verify(cdb, u32(cdb, 2), u16(cdb, 7), blocks, plan)
    case 0xaf:
      return verify(cdb, u32(cdb, 2), u32(cdb, 6), blocks, plan)
    case 0x8f:
      return verify(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan)
    case 0x34:
      return cached(u32(cdb, 2), u16(cdb, 7), blocks, plan, 'prefetch')
    case 0x90:
      return cached(u64(cdb, 2), u32(cdb, 10), blocks, plan, 'prefetch')
    case 0x35:
      return cached(u32(cdb, 2), u16(cdb, 7), blocks, plan, 'flush')
    case 0x91:
      return cached(u64(cdb, 2), u32(cdb, 10), blocks, plan, 'flush')
    case 0x89:
      return compareAndWrite(cdb, blocks, plan)
    case 0x41:
      return writeSame(cdb, u32(cdb, 2), u16(cdb, 7), blocks, plan, false)
    case 0x93:
      return writeSame(cdb, u64(cdb, 2), u32(cdb, 10), blocks, plan, (cdb[1]! & 1) !== 0)
    case 0x42:
      return unmapHeader(cdb, plan)
    default:
      return false
  }
}

function plan6(cdb: Uint8Array, blocks: number, plan: Plan, action: Action): boolean {
  // A transfer length of 0 means 256 blocks (SBC-4, 5.13).
  return range(u24(cdb, 1) & 0x1fffff, cdb[4] || 256, blocks, LIMITS.transfer, plan, action)
}

/** Checks the range and fills in where and how much. */
function range(lba: number, count: number, blocks: number, most: number, plan: Plan, action: Action): boolean {
  if (lba + count > blocks || lba > blocks || (count === 0 && lba >= blocks)) plan.fail(SENSE.outOfRange)
  else if (count > most) plan.fail(SENSE.invalidField)
  else {
    plan.action = action
    plan.at = lba * BLOCK_BYTES
    plan.bytes = count * BLOCK_BYTES
    if (action === 'write' || action === 'or-write') plan.dataOut = plan.bytes
  }
  return true
}

function transfer(cdb: Uint8Array, lba: number, count: number, blocks: number, plan: Plan, action: Action): boolean {
  // RDPROTECT and WRPROTECT: the disk has no protection information (SBC-4, 5.10).
  if ((cdb[1]! & 0xe0) !== 0) plan.fail(SENSE.invalidField)
  else {
    plan.flush = (cdb[1]! & 0x08) !== 0
    range(lba, count, blocks, LIMITS.transfer, plan, action)
  }
  return true
}

function writeAndVerify(cdb: Uint8Array, lba: number, count: number, blocks: number, plan: Plan): boolean {
  if ((cdb[1]! & 0xe0) !== 0) plan.fail(SENSE.invalidField)
  else {
    // What the device reports as written is compared with what was sent only as far as the file system tells of errors.
    plan.flush = true
    range(lba, count, blocks, LIMITS.transfer, plan, 'write')
  }
  return true
}

function verify(cdb: Uint8Array, lba: number, count: number, blocks: number, plan: Plan): boolean {
  const check = (cdb[1]! >> 1) & 3
  if ((cdb[1]! & 0xe0) !== 0 || check === 2) plan.fail(SENSE.invalidField)
  else if (check === 0) {
    // Without data to compare with, it is enough that the blocks are there.
    range(lba, count, blocks, Number.MAX_SAFE_INTEGER, plan, 'status')
  } else {
    range(lba, count, blocks, LIMITS.transfer, plan, 'compare')
    if (plan.action === 'compare') {
      // BYTCHK 11b: one block that all are compared with (SBC-4, 5.32).
      plan.zeros = check === 3
      plan.dataOut = check === 3 ? Math.min(plan.bytes, BLOCK_BYTES) : plan.bytes
    }
  }
  return true
}

function cached(lba: number, count: number, blocks: number, plan: Plan, action: Action): boolean {
  if (lba > blocks || lba + count > blocks) plan.fail(SENSE.outOfRange)
  else {
    plan.action = action
    plan.at = lba * BLOCK_BYTES
    // 0: up to the end of the disk (SBC-4, 5.22).
    plan.bytes = (count === 0 ? blocks - lba : count) * BLOCK_BYTES
  }
  return true
}

function compareAndWrite(cdb: Uint8Array, blocks: number, plan: Plan): boolean {
  const count = cdb[13]!
  if ((cdb[1]! & 0xe0) !== 0) plan.fail(SENSE.invalidField)
  else {
    plan.flush = (cdb[1]! & 0x08) !== 0
    range(u64(cdb, 2), count, blocks, LIMITS.compareAndWrite, plan, 'compare-and-write')
    if (plan.action === 'compare-and-write') plan.dataOut = 2 * plan.bytes
  }
  return true
}

function writeSame(cdb: Uint8Array, lba: number, count: number, blocks: number, plan: Plan, noData: boolean): boolean {
  const [anchor, unmap] = [(cdb[1]! & 0x10) !== 0, (cdb[1]! & 0x08) !== 0]
  // PBDATA and LBDATA are obsolete; ANCHOR needs what page B2h says we do not have. WSNZ: 0 is not "up to the end" here.
  if ((cdb[1]! & 0xe6) !== 0 || anchor || (noData && !unmap)) plan.fail(SENSE.invalidField)
  else if (lba + count > blocks) plan.fail(SENSE.outOfRange)
  else if (count === 0) plan.fail(SENSE.invalidField)
  else {
    range(lba, count, blocks, LIMITS.writeSame, plan, 'write-same')
    if (plan.action === 'write-same') {
      plan.zeros = noData
      plan.dataOut = noData ? 0 : BLOCK_BYTES
    }
  }
  return true
}

function unmapHeader(cdb: Uint8Array, plan: Plan): boolean {
  const length = u16(cdb, 7)
  if ((cdb[1]! & 1) !== 0) plan.fail(SENSE.invalidField)
  else if (length === 0) plan.good()
  else if (length < 8) plan.fail(SENSE.parameterListLength)
  else plan.take(length)
  return true
}

/** The parameter list of UNMAP (SBC-4, 5.31). */
export function planUnmap(list: Uint8Array, blocks: number, plan: Plan): undefined {
  if (list.length < 8) return plan.fail(SENSE.parameterListLength)
  const bytes = u16(list, 2)
  if (8 + bytes > list.length) return plan.fail(SENSE.parameterListLength)
  const count = Math.floor(bytes / 16)
  if (count > LIMITS.unmapDescriptors) return plan.fail(SENSE.invalidParameter)
  const ranges: { at: number; bytes: number }[] = []
  let total = 0
  for (let i = 0; i < count; i++) {
    const at = 8 + 16 * i
    const [lba, length] = [u64(list, at), u32(list, at + 8)]
    if (lba + length > blocks) return plan.fail(SENSE.outOfRange)
    total += length
    if (total > LIMITS.unmap) return plan.fail(SENSE.invalidParameter)
    if (length > 0) ranges.push({ at: lba * BLOCK_BYTES, bytes: length * BLOCK_BYTES })
  }
  plan.action = 'unmap'
  plan.ranges = ranges
}
