import { set16, set32, u16, u32 } from './cdb.ts'
import type { Plan } from './plan.ts'
import { SENSE } from './sense.ts'

/** What a command may do while somebody else holds a reservation (SPC-5, table 66; SBC-4, table 15). */
export type Access = 'any' | 'reads' | 'writes' | 'registered' | 'reserves'

/** `usage`: the bits of the CDB that are looked at (SPC-5, 6.38.3), from byte 1 on; byte 0 is the operation code. */
export type Operation = Readonly<{ code: number; service: number; access: Access; usage: readonly number[] }>

const F4 = [0xff, 0xff, 0xff, 0xff] as const
const F8 = [...F4, ...F4] as const
const NONE7 = [0, 0, 0, 0, 0, 0, 0] as const

const op = (code: number, access: Access, usage: readonly number[], service = -1): Operation => ({
  code,
  service,
  access,
  usage: [...usage, 0],
})

/** Every command this target does. */
export const OPERATIONS: readonly Operation[] = [
  op(0x00, 'any', [0, 0, 0, 0]), // TEST UNIT READY
  op(0x03, 'any', [0x01, 0, 0, 0xff]), // REQUEST SENSE
  op(0x08, 'reads', [0x1f, 0xff, 0xff, 0xff]), // READ(6)
  op(0x0a, 'writes', [0x1f, 0xff, 0xff, 0xff]), // WRITE(6)
  op(0x12, 'any', [0x01, 0xff, 0xff, 0xff]), // INQUIRY
  op(0x15, 'registered', [0x11, 0, 0, 0xff]), // MODE SELECT(6)
  op(0x16, 'reserves', [0, 0, 0, 0]), // RESERVE(6)
  op(0x17, 'reserves', [0, 0, 0, 0]), // RELEASE(6)
  op(0x1a, 'registered', [0x08, 0xff, 0xff, 0xff]), // MODE SENSE(6)
  op(0x1b, 'any', [0x01, 0, 0x0f, 0xf7]), // START STOP UNIT
  op(0x1e, 'any', [0, 0, 0, 0x03]), // PREVENT ALLOW MEDIUM REMOVAL
  op(0x25, 'any', [0, ...F4, 0, 0, 0]), // READ CAPACITY(10)
  op(0x28, 'reads', [0xfa, ...F4, 0, 0xff, 0xff]), // READ(10)
  op(0x2a, 'writes', [0xfa, ...F4, 0, 0xff, 0xff]), // WRITE(10)
  op(0x2e, 'writes', [0xf2, ...F4, 0, 0xff, 0xff]), // WRITE AND VERIFY(10)
  op(0x2f, 'reads', [0xf6, ...F4, 0, 0xff, 0xff]), // VERIFY(10)
  op(0x34, 'reads', [0x02, ...F4, 0, 0xff, 0xff]), // PRE-FETCH(10)
  op(0x35, 'writes', [0x02, ...F4, 0, 0xff, 0xff]), // SYNCHRONIZE CACHE(10)
  op(0x37, 'any', [0, 0x1f, 0, 0, 0, 0, 0xff, 0xff]), // READ DEFECT DATA(10)
  op(0x41, 'writes', [0xfa, ...F4, 0, 0xff, 0xff]), // WRITE SAME(10)
  op(0x42, 'writes', [0x01, 0, 0, 0, 0, 0, 0xff, 0xff]), // UNMAP
  op(0x55, 'registered', [0x11, 0, 0, 0, 0, 0, 0xff, 0xff]), // MODE SELECT(10)
  op(0x5a, 'registered', [0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff]), // MODE SENSE(10)
  op(0x5e, 'any', [0x1f, 0, 0, 0, 0, 0, 0xff, 0xff], 0), // PERSISTENT RESERVE IN: READ KEYS
  op(0x5e, 'any', [0x1f, 0, 0, 0, 0, 0, 0xff, 0xff], 1), // READ RESERVATION
  op(0x5e, 'any', [0x1f, 0, 0, 0, 0, 0, 0xff, 0xff], 2), // REPORT CAPABILITIES
  op(0x5e, 'any', [0x1f, 0, 0, 0, 0, 0, 0xff, 0xff], 3), // READ FULL STATUS
  ...[0, 1, 2, 3, 4, 5, 6].map((service) => op(0x5f, 'any', [0x1f, 0xff, 0, 0, ...F4], service)), // PERSISTENT RESERVE OUT
  op(0x83, 'writes', [0x1f, 0, ...NONE7, ...F4, 0], 0), // EXTENDED COPY(LID1)
  op(0x84, 'any', [0x1f, 0xff, ...NONE7, ...F4, 0], 0), // RECEIVE COPY STATUS(LID1)
  op(0x84, 'any', [0x1f, 0, ...NONE7, ...F4, 0], 3), // RECEIVE COPY OPERATING PARAMETERS
  op(0x84, 'any', [0x1f, 0xff, ...NONE7, ...F4, 0], 4), // RECEIVE COPY FAILURE DETAILS(LID1)
  op(0x88, 'reads', [0xfa, ...F8, ...F4, 0]), // READ(16)
  op(0x89, 'writes', [0xfa, ...F8, 0, 0, 0, 0xff, 0]), // COMPARE AND WRITE
  op(0x8a, 'writes', [0xfa, ...F8, ...F4, 0]), // WRITE(16)
  op(0x8b, 'writes', [0xfa, ...F8, ...F4, 0]), // ORWRITE(16)
  op(0x8e, 'writes', [0xf2, ...F8, ...F4, 0]), // WRITE AND VERIFY(16)
  op(0x8f, 'reads', [0xf6, ...F8, ...F4, 0]), // VERIFY(16)
  op(0x90, 'reads', [0x02, ...F8, ...F4, 0]), // PRE-FETCH(16)
  op(0x91, 'writes', [0x02, ...F8, ...F4, 0]), // SYNCHRONIZE CACHE(16)
  op(0x93, 'writes', [0xfb, ...F8, ...F4, 0]), // WRITE SAME(16)
  op(0x9e, 'any', [0x1f, ...F8, ...F4, 0x01], 0x10), // READ CAPACITY(16)
  op(0x9e, 'reads', [0x1f, ...F8, ...F4, 0], 0x12), // GET LBA STATUS
  op(0xa0, 'any', [0, 0xff, 0, 0, 0, ...F4, 0]), // REPORT LUNS
  op(0xa3, 'any', [0x1f, 0x87, 0xff, 0xff, 0xff, ...F4, 0], 0x0c), // REPORT SUPPORTED OPERATION CODES
  op(0xa8, 'reads', [0xfa, ...F4, ...F4, 0]), // READ(12)
  op(0xaa, 'writes', [0xfa, ...F4, ...F4, 0]), // WRITE(12)
  op(0xae, 'writes', [0xf2, ...F4, ...F4, 0]), // WRITE AND VERIFY(12)
  op(0xaf, 'reads', [0xf6, ...F4, ...F4, 0]), // VERIFY(12)
  op(0xb7, 'any', [0x1f, 0, 0, 0, 0, ...F4, 0]), // READ DEFECT DATA(12)
]

/** By operation code. */
const BY_CODE: (readonly Operation[] | undefined)[] = new Array(256).fill(undefined)
for (const one of OPERATIONS) BY_CODE[one.code] = [...(BY_CODE[one.code] ?? []), one]

/** The command of a CDB; `undefined`: we do not know the operation code; `null`: not that service action. */
export function operationOf(cdb: Uint8Array): Operation | undefined | null {
  const found = BY_CODE[cdb[0]!]
  if (!found) return undefined
  if (found[0]!.service < 0) return found[0]!
  const service = cdb[1]! & 0x1f
  return found.find((one) => one.service === service) ?? null
}

/** Whether a command changes the content of the disk it is sent to. What EXTENDED COPY writes to is known from its list. */
export function isMediumWrite({ access, code }: Operation): boolean {
  return access === 'writes' && code !== 0x35 && code !== 0x91 && code !== 0x83
}

const TIMEOUTS_BYTES = 12

/** REPORT SUPPORTED OPERATION CODES (SPC-5, 6.38). */
export function reportOperationCodes(cdb: Uint8Array, plan: Plan): undefined {
  const room = u32(cdb, 6)
  const option = cdb[2]! & 7
  const timeouts = (cdb[2]! & 0x80) !== 0
  const [code, service] = [cdb[3]!, u16(cdb, 4)]
  if (option === 0) return plan.answer(allCommands(timeouts), room)
  if (option > 3) return plan.fail(SENSE.invalidField)
  const found = BY_CODE[code]
  const hasService = found !== undefined && found[0]!.service >= 0
  if (option === 1 && hasService) return plan.fail(SENSE.invalidField)
  if (option === 2 && found && !hasService) return plan.fail(SENSE.invalidField)
  const one = found?.find((each) => each.service < 0 || each.service === service)
  const usage = one ? [one.code, ...one.usage] : []
  if (one && one.service >= 0) usage[1] = (usage[1]! & 0xe0) | one.service
  const data = new Uint8Array(4 + usage.length + (one && timeouts ? TIMEOUTS_BYTES : 0))
  // SUPPORT: 3 as the standard says, 1 when there is no such command.
  data[1] = (one ? 3 : 1) | (one && timeouts ? 0x80 : 0)
  set16(data, 2, usage.length)
  data.set(usage, 4)
  if (one && timeouts) set16(data, 4 + usage.length, TIMEOUTS_BYTES - 2)
  plan.answer(data, room)
}

function allCommands(timeouts: boolean): Uint8Array {
  const size = 8 + (timeouts ? TIMEOUTS_BYTES : 0)
  const data = new Uint8Array(4 + OPERATIONS.length * size)
  set32(data, 0, data.length - 4)
  OPERATIONS.forEach((one, i) => {
    const at = 4 + i * size
    data[at] = one.code
    if (one.service >= 0) {
      set16(data, at + 2, one.service)
      data[at + 5] = 1
    }
    if (timeouts) {
      data[at + 5] = data[at + 5]! | 2
      set16(data, at + 8, TIMEOUTS_BYTES - 2)
    }
    set16(data, at + 6, one.usage.length + 1)
  })
  return data
}
