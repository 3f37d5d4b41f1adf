import { set16, set32, u16 } from './cdb.ts'
import { BLOCK_BYTES, type Plan } from './plan.ts'
import { SENSE } from './sense.ts'

/** What MODE SELECT may change: the initiator's own write protection (SWP). */
export type ModeState = { softwareWriteProtect: boolean }

const CACHING = 0x08
const CONTROL = 0x0a
const INFORMATION = 0x1c

/** Pages in order of their codes (SPC-5, 7.5; SBC-4, 6.5). `control` 1: which bits may be changed. */
function page(code: number, control: number, state: ModeState): Uint8Array | undefined {
  const changeable = control === 1
  switch (code) {
    case CACHING: {
      const data = new Uint8Array(20)
      data[0] = CACHING
      data[1] = 18
      // WCE: what was written is safe from power loss after SYNCHRONIZE CACHE only.
      if (!changeable) data[2] = 0x04
      return data
    }
    case CONTROL: {
      const data = new Uint8Array(12)
      data[0] = CONTROL
      data[1] = 10
      // Queue algorithm 1: commands may be reordered.
      if (!changeable) data[3] = 0x10
      const protect = control === 1 || (control !== 2 && state.softwareWriteProtect)
      data[4] = protect ? 0x08 : 0
      if (!changeable) set16(data, 8, 0xffff)
      return data
    }
    case INFORMATION: {
      const data = new Uint8Array(12)
      data[0] = INFORMATION
      data[1] = 10
      return data
    }
    default:
      return undefined
  }
}

/** MODE SENSE(6) and (10) (SPC-5, 6.13 and 6.14). */
export function planModeSense(
  cdb: Uint8Array,
  blocks: number,
  readOnly: boolean,
  state: ModeState,
  plan: Plan,
): undefined {
  const ten = cdb[0] === 0x5a
  const [control, code, subpage] = [cdb[2]! >> 6, cdb[2]! & 0x3f, cdb[3]!]
  // Nothing is saved (SPC-5: 39/00 saving parameters not supported).
  if (control === 3) return plan.fail(0x053900)
  if (subpage !== 0 && !(subpage === 0xff && code === 0x3f)) return plan.fail(SENSE.invalidField)
  const pages: Uint8Array[] = []
  for (const one of code === 0x3f ? [CACHING, CONTROL, INFORMATION] : [code]) {
    const data = page(one, control, state)
    if (!data) return plan.fail(SENSE.invalidField)
    pages.push(data)
  }
  const descriptor = (cdb[1]! & 0x08) !== 0 ? new Uint8Array(0) : blockDescriptor(blocks, ten && (cdb[1]! & 0x10) !== 0)
  const headBytes = ten ? 8 : 4
  const total = headBytes + descriptor.length + pages.reduce((sum, one) => sum + one.length, 0)
  const data = new Uint8Array(total)
  // WP and DPOFUA (SBC-4, 6.5.1).
  const parameter = (readOnly || state.softwareWriteProtect ? 0x80 : 0) | 0x10
  if (ten) {
    set16(data, 0, total - 2)
    data[3] = parameter
    data[4] = descriptor.length === 16 ? 1 : 0
    set16(data, 6, descriptor.length)
  } else {
    data[0] = total - 1
    data[2] = parameter
    data[3] = descriptor.length
  }
  data.set(descriptor, headBytes)
  let at = headBytes + descriptor.length
  for (const one of pages) {
    data.set(one, at)
    at += one.length
  }
  plan.answer(data, ten ? u16(cdb, 7) : cdb[4]!)
}

function blockDescriptor(blocks: number, long: boolean): Uint8Array {
  const data = new Uint8Array(long ? 16 : 8)
  if (long) {
    set32(data, 0, Math.floor(blocks / 2 ** 32))
    set32(data, 4, blocks >>> 0)
    set32(data, 12, BLOCK_BYTES)
  } else {
    set32(data, 0, Math.min(blocks, 0xffffffff))
    data[5] = BLOCK_BYTES >> 16
    data[6] = BLOCK_BYTES >> 8
    data[7] = BLOCK_BYTES & 0xff
  }
  return data
}

export function planModeSelect(cdb: Uint8Array, plan: Plan): undefined {
  const length = cdb[0] === 0x55 ? u16(cdb, 7) : cdb[4]!
  // PF has to be set; SP cannot be.
  if ((cdb[1]! & 0x10) === 0 || (cdb[1]! & 0x01) !== 0) plan.fail(SENSE.invalidField)
  else if (length === 0) plan.good()
  else plan.take(length)
}

/** Applies a mode parameter list; what may not be changed has to be as it is. @returns whether something changed. */
export function selectMode(cdb: Uint8Array, list: Uint8Array, state: ModeState, plan: Plan): boolean {
  const ten = cdb[0] === 0x55
  const headBytes = ten ? 8 : 4
  if (list.length < headBytes) {
    plan.fail(SENSE.parameterListLength)
    return false
  }
  let at = headBytes + (ten ? u16(list, 6) : list[3]!)
  let protect = state.softwareWriteProtect
  while (at < list.length) {
    const code = list[at]! & 0x3f
    const current = page(code, 0, state)
    if (!current || (list[at]! & 0x40) !== 0) {
      plan.fail(SENSE.invalidParameter)
      return false
    }
    if (at + current.length > list.length || list[at + 1] !== current.length - 2) {
      plan.fail(at + current.length > list.length ? SENSE.parameterListLength : SENSE.invalidParameter)
      return false
    }
    const changeable = page(code, 1, state)!
    for (let i = 2; i < current.length; i++)
      if (((list[at + i]! ^ current[i]!) & ~changeable[i]! & 0xff) !== 0) {
        plan.fail(SENSE.invalidParameter)
        return false
      }
    if (code === CONTROL) protect = (list[at + 4]! & 0x08) !== 0
    at += current.length
  }
  const changed = protect !== state.softwareWriteProtect
  state.softwareWriteProtect = protect
  plan.good()
  return changed
}
