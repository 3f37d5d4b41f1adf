import { latin1Bytes } from '../../kit/bytes.ts'
import { planBlockCommand, planUnmap } from './block-commands.ts'
import { set32, set64, u32, u64 } from './cdb.ts'
import { parseCopyList, planExtendedCopy } from './copy-list.ts'
import { CopyResults } from './copy-results.ts'
import { LIMITS } from './limits.ts'
import { type ModeState, planModeSelect, planModeSense, selectMode } from './mode-pages.ts'
import { isMediumWrite, operationOf, reportOperationCodes } from './operation-codes.ts'
import { BLOCK_BYTES, type Plan, STATUS } from './plan.ts'
import { parameterBytes, Reservations } from './reservations.ts'
import { encodeSense, SENSE, SENSE_BYTES, type SenseCode } from './sense.ts'
import { planInquiry, type UnitIdentity } from './vital-pages.ts'

/** Unit attentions that wait for one nexus; more are dropped, as SAM-5, 5.14 allows. */
const MOST_ATTENTIONS = 16

/** An initiator port as one logical unit sees it. */
export class Nexus {
  /** `IQN,i,0xISID`. */
  readonly id: string
  readonly attentions: SenseCode[] = []
  readonly copies = new CopyResults()

  constructor(id: string) {
    this.id = id
  }
}

/** What the shell knows beyond the disk. */
export type UnitSurroundings = Readonly<{
  /** Numbers of all LUNs of the target, for REPORT LUNS. */
  luns: () => readonly number[]
  /** Aborts what these nexuses have under way at this unit (PREEMPT AND ABORT); resolves when nothing of it can change the disk any more. */
  abort: (nexuses: readonly string[]) => Promise<unknown>
}>

/**
 * The SCSI side of a disk: takes a CDB and says what is to be done, without doing any of it. Reads and writes of the medium are for
 * the shell; what follows from state (reservations, mode pages, unit attentions) is answered here.
 */
export class LogicalUnit {
  readonly blocks: number
  readonly readOnly: boolean
  readonly identity: UnitIdentity
  readonly #surroundings: UnitSurroundings
  readonly #nexuses = new Map<string, Nexus>()
  readonly #reservations = new Reservations((id, sense) => this.#attend(this.#nexuses.get(id), sense))
  readonly #mode: ModeState = { softwareWriteProtect: false }

  constructor(bytes: number, readOnly: boolean, identity: UnitIdentity, surroundings: UnitSurroundings) {
    this.blocks = Math.floor(bytes / BLOCK_BYTES)
    this.readOnly = readOnly
    this.identity = identity
    this.#surroundings = surroundings
  }

  /** A nexus logs in; it is told that the unit may have lost its state (SAM-5, 5.14). */
  attach(id: string): Nexus {
    const nexus = new Nexus(id)
    nexus.attentions.push(SENSE.powerOn)
    this.#nexuses.set(id, nexus)
    return nexus
  }

  detach(nexus: Nexus): undefined {
    // A session that took the place of this one has the same id and keeps what it has.
    if (this.#nexuses.get(nexus.id) !== nexus) return
    this.#nexuses.delete(nexus.id)
    this.#reservations.leave(nexus.id)
  }

  /** LOGICAL UNIT RESET and TARGET RESET (SAM-5, 6.3.3): every nexus is told, `besides` one that is told otherwise. */
  reset(besides?: string): undefined {
    this.#reservations.reset()
    this.#mode.softwareWriteProtect = false
    for (const nexus of this.#nexuses.values()) nexus.copies.reset()
    this.attendOthers(besides, SENSE.reset)
  }

  /** Tells all nexuses but one. */
  attendOthers(besides: string | undefined, sense: SenseCode): undefined {
    for (const nexus of this.#nexuses.values()) if (nexus.id !== besides) this.#attend(nexus, sense)
  }

  #attend(nexus: Nexus | undefined, sense: SenseCode): undefined {
    if (nexus && nexus.attentions.length < MOST_ATTENTIONS && !nexus.attentions.includes(sense))
      nexus.attentions.push(sense)
  }

  /** Understands a command of a nexus. `cdb` has at least 16 bytes. */
  plan(nexus: Nexus, cdb: Uint8Array, plan: Plan): undefined {
    const code = cdb[0]!
    // SAM-5, 5.14: these three are done in spite of a unit attention.
    if (nexus.attentions.length > 0 && code !== 0x12 && code !== 0xa0 && code !== 0x03)
      return plan.fail(nexus.attentions.shift()!)
    const operation = operationOf(cdb)
    if (operation === undefined) return plan.fail(SENSE.invalidOperationCode)
    if (operation === null)
      return plan.fail(code === 0x9e || code === 0xa3 ? SENSE.invalidOperationCode : SENSE.invalidField)
    if (!this.#reservations.isFree && this.#reservations.conflicts(nexus.id, operation.access, code))
      return plan.conflict()
    // NACA is not supported (page "standard INQUIRY" has NORMACA 0).
    if ((cdb[operation.usage.length]! & 0x04) !== 0) return plan.fail(SENSE.invalidField)
    if ((this.readOnly || this.#mode.softwareWriteProtect) && isMediumWrite(operation))
      return plan.fail(SENSE.writeProtected)
    if (planBlockCommand(cdb, this.blocks, plan)) return
    this.#planOther(nexus, cdb, plan)
  }

  /**
   * What a READ or WRITE of this nexus would be refused with, whatever its blocks: for copies that are asked for at another unit. `undefined`:
   * nothing stands against it.
   */
  refusal(nexus: Nexus, writing: boolean): Readonly<{ status: number; sense: SenseCode }> | undefined {
    const reservations = this.#reservations
    if (!reservations.isFree && reservations.conflicts(nexus.id, writing ? 'writes' : 'reads', writing ? 0x2a : 0x28))
      return { status: STATUS.reservationConflict, sense: SENSE.none }
    if (writing && (this.readOnly || this.#mode.softwareWriteProtect))
      return { status: STATUS.checkCondition, sense: SENSE.writeProtected }
    return undefined
  }

  #planOther(nexus: Nexus, cdb: Uint8Array, plan: Plan): undefined {
    switch (cdb[0]) {
      case 0x00:
      case 0x1e:
        return plan.good()
      case 0x1b:
        // START STOP UNIT: a disk that is served has no motor; stopping it has to leave everything written.
        plan.action = 'flush'
        return
      case 0x03:
        return this.#requestSense(nexus, cdb, plan)
      case 0x12:
        return planInquiry(cdb, this.identity, plan)
      case 0x15:
      case 0x55:
        return planModeSelect(cdb, plan)
      case 0x1a:
      case 0x5a:
        return planModeSense(cdb, this.blocks, this.readOnly, this.#mode, plan)
      case 0x16:
      case 0x17:
        return this.#reservations.planSimple(nexus.id, cdb[0] === 0x16, plan)
      case 0x25:
        return this.#readCapacity10(cdb, plan)
      case 0x37:
        return readDefects(cdb, plan)
      case 0xb7:
        return readDefects(cdb, plan)
      case 0x5e:
        return this.#reservations.planIn(cdb, transportId, plan)
      case 0x5f: {
        const bytes = parameterBytes(cdb)
        return bytes === 24 ? plan.take(bytes) : plan.fail(SENSE.parameterListLength)
      }
      case 0x83:
        return planExtendedCopy(cdb, plan)
      case 0x84:
        return nexus.copies.plan(cdb, plan)
      case 0x9e:
        return (cdb[1]! & 0x1f) === 0x10 ? this.#readCapacity16(cdb, plan) : this.#lbaStatus(cdb, plan)
      case 0xa0:
        return planReportLuns(cdb, this.#surroundings.luns(), plan)
      case 0xa3:
        return reportOperationCodes(cdb, plan)
    }
    plan.fail(SENSE.invalidOperationCode)
  }

  /** The parameter list of a command whose plan was `parameters`. */
  parameters(nexus: Nexus, cdb: Uint8Array, list: Uint8Array, plan: Plan): undefined {
    switch (cdb[0]) {
      case 0x15:
      case 0x55:
        if (selectMode(cdb, list, this.#mode, plan)) this.attendOthers(nexus.id, SENSE.modeChanged)
        return
      case 0x42:
        return planUnmap(list, this.blocks, plan)
      case 0x5f: {
        const victims = this.#reservations.planOut(cdb, list, nexus.id, plan)
        // SPC-4, 5.13.11.2.6 and 5.17.4.6: they are aborted before it is answered.
        if (victims.length > 0) plan.settled = this.#surroundings.abort(victims)
        return
      }
      case 0x83:
        return planCopy(nexus, list, plan)
    }
    plan.fail(SENSE.internalFailure)
  }

  #requestSense(nexus: Nexus, cdb: Uint8Array, plan: Plan): undefined {
    // DESC: the fixed format is all we write.
    if ((cdb[1]! & 1) !== 0) return plan.fail(SENSE.invalidField)
    const data = new Uint8Array(SENSE_BYTES)
    encodeSense(data, 0, nexus.attentions.shift() ?? SENSE.none)
    plan.answer(data, cdb[4]!)
  }

  #readCapacity10(cdb: Uint8Array, plan: Plan): undefined {
    // PMI and an address are obsolete.
    if ((cdb[8]! & 1) === 0 && u32(cdb, 2) !== 0) return plan.fail(SENSE.invalidField)
    const data = new Uint8Array(8)
    set32(data, 0, Math.min(this.blocks - 1, 0xffffffff))
    set32(data, 4, BLOCK_BYTES)
    plan.answer(data, 8)
  }

  /** SBC-4, 5.16.2. */
  #readCapacity16(cdb: Uint8Array, plan: Plan): undefined {
    const data = new Uint8Array(32)
    set64(data, 0, this.blocks - 1)
    set32(data, 8, BLOCK_BYTES)
    data[13] = Math.log2(LIMITS.granularity)
    // LBPME and LBPRZ: thin provisioned, unmapped blocks read as zeros.
    data[14] = 0xc0
    plan.answer(data, u32(cdb, 10))
  }

  /** GET LBA STATUS: the shell asks the disk and answers with `encodeLbaStatus`. */
  #lbaStatus(cdb: Uint8Array, plan: Plan): undefined {
    const lba = u64(cdb, 2)
    if (lba >= this.blocks) return plan.fail(SENSE.outOfRange)
    plan.action = 'allocation'
    plan.at = lba * BLOCK_BYTES
    plan.room = u32(cdb, 10)
  }
}

function planCopy(nexus: Nexus, bytes: Uint8Array, plan: Plan): undefined {
  const list = parseCopyList(bytes)
  if (typeof list === 'number') return plan.fail(list)
  const operation = nexus.copies.begin(list.id)
  if (!operation) return plan.fail(SENSE.operationInProgress)
  plan.action = 'copy'
  plan.copy = { list, operation }
}

/** Parameter data of GET LBA STATUS (SBC-4, 5.6.2): runs of blocks one behind the other, mapped or deallocated. */
export function encodeLbaStatus(runs: readonly Readonly<{ at: number; bytes: number; mapped: boolean }>[]): Uint8Array {
  const data = new Uint8Array(8 + 16 * runs.length)
  set32(data, 0, 4 + 16 * runs.length)
  runs.forEach((run, i) => {
    const at = 8 + 16 * i
    set64(data, at, run.at / BLOCK_BYTES)
    set32(data, at + 8, run.bytes / BLOCK_BYTES)
    data[at + 12] = run.mapped ? 0 : 1
  })
  return data
}

/** REPORT LUNS (SPC-5, 6.33); also answered for LUNs that are not there. */
export function planReportLuns(cdb: Uint8Array, luns: readonly number[], plan: Plan): undefined {
  const [select, room] = [cdb[2]!, u32(cdb, 6)]
  if (select > 2 || room < 16) return plan.fail(SENSE.invalidField)
  // 1: well-known units only, of which there are none.
  const listed = select === 1 ? [] : luns
  const data = new Uint8Array(8 + 8 * listed.length)
  set32(data, 0, 8 * listed.length)
  listed.forEach((lun, i) => {
    const at = 8 + 8 * i
    data[at] = lun < 256 ? 0 : 0x40 | (lun >> 8)
    data[at + 1] = lun & 0xff
  })
  plan.answer(data, room)
}

/** A command to a LUN that is not there (SPC-5, 4.3.2 "incorrect logical unit selection"). */
export function planMissingUnit(cdb: Uint8Array, luns: readonly number[], plan: Plan): undefined {
  if (cdb[0] === 0x12) planInquiry(cdb, undefined, plan)
  else if (cdb[0] === 0xa0) planReportLuns(cdb, luns, plan)
  else if (cdb[0] === 0x03) {
    const data = new Uint8Array(SENSE_BYTES)
    encodeSense(data, 0, SENSE.noSuchLun)
    plan.answer(data, cdb[4]!)
  } else plan.fail(SENSE.noSuchLun)
}

/** READ DEFECT DATA: the list is empty (SBC-4, 5.17). */
function readDefects(cdb: Uint8Array, plan: Plan): undefined {
  const twelve = cdb[0] === 0xb7
  const data = new Uint8Array(twelve ? 8 : 4)
  data[1] = (twelve ? cdb[1]! : cdb[2]!) & 0x1f
  plan.answer(data, twelve ? u32(cdb, 6) : (cdb[7]! << 8) | cdb[8]!)
}

/** The TransportID of an iSCSI initiator port (SPC-5, 7.6.4.6). */
function transportId(nexus: string): Uint8Array {
  const name = latin1Bytes(nexus)
  const bytes = new Uint8Array(4 + Math.max(20, (name.length + 4) & ~3))
  bytes[0] = 0x45
  bytes[2] = (bytes.length - 4) >> 8
  bytes[3] = bytes.length - 4
  bytes.set(name, 4)
  return bytes
}
