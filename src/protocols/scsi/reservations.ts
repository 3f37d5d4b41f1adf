import { hex } from '../../kit/bytes.ts'
import { set16, set32, u16, u32 } from './cdb.ts'
import type { Access } from './operation-codes.ts'
import type { Plan } from './plan.ts'
import { SENSE, type SenseCode } from './sense.ts'

/** Registered nexuses of one logical unit. */
const MOST_REGISTRATIONS = 256
const NO_KEY = '0000000000000000'
const TYPES = [1, 3, 5, 6, 7, 8]
const isExclusive = (type: number) => type === 3 || type === 6 || type === 8
const isAllRegistrants = (type: number) => type === 7 || type === 8
const hasRegistrants = (type: number) => type >= 5

/** Tells nexuses what befell them, by their ids. */
export type Attend = (nexus: string, sense: SenseCode) => void

/**
 * Reservations of one logical unit: those of SPC-2 (RESERVE, RELEASE) and persistent ones (SPC-5, 5.14), which outlive sessions but not
 * the server (APTPL is refused). A nexus is known by its initiator port: `IQN,i,0xISID`.
 */
export class Reservations {
  readonly #attend: Attend
  /** Key by nexus. */
  readonly #registrations = new Map<string, string>()
  #generation = 0
  #reservation: { nexus: string; type: number } | undefined
  #simple: string | undefined

  constructor(attend: Attend) {
    this.#attend = attend
  }

  /** Whether nobody holds anything, so that nothing has to be checked. */
  get isFree(): boolean {
    return this.#reservation === undefined && this.#simple === undefined
  }

  /** The nexus is gone: what SPC-2 reserves ends with it. */
  leave(nexus: string): undefined {
    if (this.#simple === nexus) this.#simple = undefined
  }

  /** A reset of the unit ends the reservations of SPC-2; persistent ones stay (SPC-5, 5.14.5). */
  reset(): undefined {
    this.#simple = undefined
  }

  conflicts(nexus: string, access: Access, code: number): boolean {
    if (this.#simple !== undefined && this.#simple !== nexus)
      if (code !== 0x12 && code !== 0xa0 && code !== 0x03 && code !== 0x17)
        // SPC-2, 5.5.1: INQUIRY, REPORT LUNS, REQUEST SENSE; RELEASE has no effect.
        return true
    const held = this.#reservation
    if (!held || access === 'any' || access === 'reserves') return false
    if (held.nexus === nexus && !isAllRegistrants(held.type)) return false
    const isRegistered = this.#registrations.has(nexus)
    if (isRegistered && (hasRegistrants(held.type) || access === 'registered')) return false
    return access !== 'reads' || isExclusive(held.type)
  }

  /** RESERVE(6) and RELEASE(6) (SPC-2, 7.21 and 7.23). */
  planSimple(nexus: string, reserve: boolean, plan: Plan): undefined {
    if (this.#registrations.size > 0) {
      // SPC-5, 5.14.3: with persistent registrations they change nothing.
      if (this.#registrations.has(nexus)) plan.good()
      else plan.conflict()
      return
    }
    if (reserve) this.#simple = nexus
    else if (this.#simple === nexus) this.#simple = undefined
    plan.good()
  }

  /** PERSISTENT RESERVE IN (SPC-5, 6.16). */
  planIn(cdb: Uint8Array, portOf: (nexus: string) => Uint8Array, plan: Plan): undefined {
    const room = u16(cdb, 7)
    const keys = [...this.#registrations]
    switch (cdb[1]! & 0x1f) {
      case 0: {
        const data = this.#header(8 * keys.length)
        keys.forEach(([, key], i) => {
          data.set(bytesOf(key), 8 + 8 * i)
        })
        return plan.answer(data, room)
      }
      case 1: {
        const held = this.#reservation
        const data = this.#header(held ? 16 : 0)
        if (held) {
          data.set(bytesOf(isAllRegistrants(held.type) ? NO_KEY : (this.#registrations.get(held.nexus) ?? NO_KEY)), 8)
          data[21] = held.type
        }
        return plan.answer(data, room)
      }
      case 2: {
        const data = new Uint8Array(8)
        set16(data, 0, 8)
        // CRH; TMV; WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX; EX_AC_AR.
        data[2] = 0x10
        data[3] = 0x80
        data[4] = 0xea
        data[5] = 0x01
        return plan.answer(data, room)
      }
      default: {
        const list = keys.map(([nexus, key]) => this.#fullStatus(nexus, key, portOf(nexus)))
        const data = this.#header(list.reduce((sum, one) => sum + one.length, 0))
        let at = 8
        for (const one of list) {
          data.set(one, at)
          at += one.length
        }
        return plan.answer(data, room)
      }
    }
  }

  #header(bytes: number): Uint8Array {
    const data = new Uint8Array(8 + bytes)
    set32(data, 0, this.#generation)
    set32(data, 4, bytes)
    return data
  }

  #fullStatus(nexus: string, key: string, port: Uint8Array): Uint8Array {
    const data = new Uint8Array(24 + port.length)
    const held = this.#reservation
    data.set(bytesOf(key))
    if (held && (isAllRegistrants(held.type) || held.nexus === nexus)) {
      data[12] = 1
      data[13] = held.type
    }
    set16(data, 18, 1)
    set32(data, 20, port.length)
    data.set(port, 24)
    return data
  }

  /**
   * PERSISTENT RESERVE OUT (SPC-5, 6.17) with its parameter list. @returns nexuses whose tasks are to be aborted.
   */
  planOut(cdb: Uint8Array, list: Uint8Array, nexus: string, plan: Plan): readonly string[] {
    const action = cdb[1]! & 0x1f
    if (list.length !== 24) {
      plan.fail(SENSE.parameterListLength)
      return []
    }
    const [key, given] = [hex(list.subarray(0, 8)), hex(list.subarray(8, 16))]
    // SPEC_I_PT, ALL_TG_PT and APTPL: page "report capabilities" says we do none of them.
    if ((list[20]! & 0x0d) !== 0) {
      plan.fail(SENSE.invalidParameter)
      return []
    }
    const mine = this.#registrations.get(nexus)
    if (action === 0 || action === 6) {
      this.#register(nexus, mine, key, given, action === 6, plan)
      return []
    }
    if (mine === undefined || mine !== key) {
      plan.conflict()
      return []
    }
    const [scope, type] = [cdb[2]! >> 4, cdb[2]! & 0xf]
    const needsType = action === 1 || action === 4 || action === 5
    if (needsType && (scope !== 0 || !TYPES.includes(type))) {
      plan.fail(SENSE.invalidField)
      return []
    }
    if (action === 1) this.#reserve(nexus, type, plan)
    else if (action === 2) this.#release(nexus, scope, type, plan)
    else if (action === 3) this.#clear(nexus, plan)
    else return this.#preempt(nexus, type, given, action === 5, plan)
    return []
  }

  #register(
    nexus: string,
    mine: string | undefined,
    key: string,
    given: string,
    ignoring: boolean,
    plan: Plan,
  ): undefined {
    if (!ignoring && key !== (mine ?? NO_KEY)) return plan.conflict()
    if (given === NO_KEY) {
      if (mine !== undefined) this.#unregister(nexus)
    } else {
      if (mine === undefined && this.#registrations.size >= MOST_REGISTRATIONS)
        return plan.fail(SENSE.tooManyRegistrations)
      this.#registrations.set(nexus, given)
    }
    this.#generation = (this.#generation + 1) >>> 0
    plan.good()
  }

  #unregister(nexus: string): undefined {
    this.#registrations.delete(nexus)
    const held = this.#reservation
    if (!held) return
    if (isAllRegistrants(held.type) ? this.#registrations.size > 0 : held.nexus !== nexus) return
    this.#reservation = undefined
    if (hasRegistrants(held.type)) this.#tellOthers(nexus, SENSE.reservationsReleased)
  }

  #holds(nexus: string): boolean {
    const held = this.#reservation
    return held !== undefined && (isAllRegistrants(held.type) ? this.#registrations.has(nexus) : held.nexus === nexus)
  }

  #reserve(nexus: string, type: number, plan: Plan): undefined {
    const held = this.#reservation
    if (held && (!this.#holds(nexus) || held.type !== type)) return plan.conflict()
    this.#reservation ??= { nexus, type }
    plan.good()
  }

  #release(nexus: string, scope: number, type: number, plan: Plan): undefined {
    const held = this.#reservation
    if (held && this.#holds(nexus)) {
      if (scope !== 0 || held.type !== type) return plan.fail(SENSE.invalidRelease)
      this.#reservation = undefined
      if (hasRegistrants(held.type)) this.#tellOthers(nexus, SENSE.reservationsReleased)
    }
    plan.good()
  }

  #clear(nexus: string, plan: Plan): undefined {
    this.#tellOthers(nexus, SENSE.reservationsPreempted)
    this.#registrations.clear()
    this.#reservation = undefined
    this.#generation = (this.#generation + 1) >>> 0
    plan.good()
  }

  #preempt(nexus: string, type: number, victim: string, aborting: boolean, plan: Plan): readonly string[] {
    const held = this.#reservation
    const all = held !== undefined && isAllRegistrants(held.type)
    if (victim === NO_KEY && !all) {
      plan.fail(SENSE.invalidParameter)
      return []
    }
    const takes = held !== undefined && (all ? victim === NO_KEY : this.#registrations.get(held.nexus) === victim)
    const matching = [...this.#registrations].filter(([, key]) => victim === NO_KEY || key === victim).map(([id]) => id)
    if (matching.length === 0) {
      plan.conflict()
      return []
    }
    // Whoever takes a reservation over keeps its own registration, also under the same key.
    const removed = matching.filter((id) => id !== nexus || !takes)
    for (const id of removed) {
      this.#registrations.delete(id)
      if (id !== nexus) this.#attend(id, SENSE.registrationsPreempted)
    }
    if (takes) {
      if (held.type !== type) this.#tellOthers(nexus, SENSE.reservationsReleased)
      this.#reservation = { nexus, type }
    } else if (all && this.#registrations.size === 0) this.#reservation = undefined
    this.#generation = (this.#generation + 1) >>> 0
    plan.good()
    return aborting ? removed.filter((id) => id !== nexus) : []
  }

  #tellOthers(nexus: string, sense: SenseCode): undefined {
    for (const id of this.#registrations.keys()) if (id !== nexus) this.#attend(id, sense)
  }
}

/** Length of the parameter list that PERSISTENT RESERVE OUT announces. */
export const parameterBytes = (cdb: Uint8Array): number => u32(cdb, 5)

function bytesOf(key: string): Uint8Array {
  return Uint8Array.from({ length: 8 }, (_, i) => Number.parseInt(key.slice(2 * i, 2 * i + 2), 16))
}
