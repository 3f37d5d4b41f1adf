import { LogicalUnit, type UnitSurroundings } from '../../protocols/scsi/logical-unit.ts'
import type { BlockDevice } from '../../volumes/block-device.ts'
import type { TargetLun } from '../../volumes/engine.ts'

/** A disk of a target that is open: the device, and what SCSI knows of it. */
export class DiskLun {
  readonly number: number
  readonly device: BlockDevice
  readonly unit: LogicalUnit
  readonly #writing = new Set<Promise<void>>()
  #exclusive: Promise<void> | undefined

  /** `before`: the unit that it was when it was open the last time. */
  constructor(
    lun: TargetLun,
    target: string,
    device: BlockDevice,
    surroundings: UnitSurroundings,
    before?: LogicalUnit | undefined,
  ) {
    this.number = lun.lun
    this.device = device
    const readOnly = lun.readOnly || device.readOnly
    const unit = new LogicalUnit(device.bytes, readOnly, { ...lun.scsi, serial: lun.serial, target }, surroundings)
    this.unit = before?.blocks === unit.blocks && before.readOnly === readOnly ? before : unit
  }

  /** Writes if that can be done at once; `false`: nothing was done. The parts are the caller's again in any case. */
  writeNow(parts: readonly Uint8Array[], at: number): boolean {
    return this.#exclusive === undefined && this.device.writeNow?.(parts, at) === true
  }

  write(parts: readonly Uint8Array[], at: number): undefined | Promise<void> {
    if (this.#exclusive) return this.#exclusive.then(() => this.write(parts, at))
    return this.#follow(this.device.write(parts, at))
  }

  zero(at: number, bytes: number): undefined | Promise<void> {
    if (this.#exclusive) return this.#exclusive.then(() => this.zero(at, bytes))
    return this.#follow(this.device.zero(at, bytes))
  }

  #follow(done: undefined | Promise<void>): undefined | Promise<void> {
    if (done) {
      this.#writing.add(done)
      const forget = () => void this.#writing.delete(done)
      done.then(forget, forget)
    }
    return done
  }

  /** Resolves when what is being written now is done. */
  async settled(): Promise<void> {
    await this.#exclusive
    await Promise.allSettled([...this.#writing])
  }

  /** Runs work that reads and then writes while nobody else writes: COMPARE AND WRITE and ORWRITE are indivisible (SBC-4, 4.32). */
  exclusively(work: () => Promise<void>): Promise<void> {
    const before = this.#exclusive
    const done = (async () => {
      await before
      await Promise.allSettled([...this.#writing])
      await work()
    })()
    const settled = done.then(
      () => {},
      () => {},
    )
    this.#exclusive = settled
    settled.then(() => {
      if (this.#exclusive === settled) this.#exclusive = undefined
    })
    return done
  }
}
