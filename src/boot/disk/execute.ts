import { DecodeError, Refusal } from '../../kit/errors.ts'
import { encodeLbaStatus } from '../../protocols/scsi/logical-unit.ts'
import { BLOCK_BYTES, type Plan } from '../../protocols/scsi/plan.ts'
import { SENSE, type SenseCode } from '../../protocols/scsi/sense.ts'
import type { DiskLun } from './disk-lun.ts'

/** Bytes that comparing and repeating work on at a time. */
const STEP_BYTES = 1024 * 1024

/** What an error of a device is in the words of SCSI. A full pool is not a broken disk: the initiator may try again. */
export function senseOf(error: unknown, writing: boolean): SenseCode {
  if (error instanceof Refusal && error.code === 'no-space') return SENSE.noSpace
  if (error instanceof DecodeError) return SENSE.internalFailure
  return writing ? SENSE.writeError : SENSE.readError
}

/**
 * Does what a plan asks for, apart from plain reads and writes. What has to be answered stands in the plan then: data, or a status. Errors of
 * the device are thrown.
 */
export async function execute(lun: DiskLun, plan: Plan, parts: readonly Uint8Array[]): Promise<void> {
  switch (plan.action) {
    case 'flush':
      await lun.device.flush()
      return plan.good()
    case 'prefetch':
      return plan.good()
    case 'allocation':
      return allocation(lun, plan)
    case 'unmap':
      await Promise.all((plan.ranges ?? []).map((range) => lun.zero(range.at, range.bytes)))
      return plan.good()
    case 'write-same':
      return writeSame(lun, plan, joined(parts))
    case 'compare':
      return compare(lun, plan, joined(parts))
    case 'compare-and-write':
      return lun.exclusively(() => compareAndWrite(lun, plan, joined(parts)))
    case 'or-write':
      return lun.exclusively(() => orWrite(lun, plan, joined(parts)))
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
}

async function flushIf(lun: DiskLun, plan: Plan): Promise<void> {
  if (plan.flush) await lun.device.flush()
  plan.good()
}

function allocation(lun: DiskLun, plan: Plan): undefined {
  const most = Math.max(1, Math.min(64, Math.floor((plan.room - 8) / 16)))
  const runs: { at: number; bytes: number; mapped: boolean }[] = []
  let at = plan.at
  const end = lun.unit.blocks * BLOCK_BYTES
  while (at < end && runs.length < most) {
    const { mapped, bytes } = lun.device.allocation(at)
    const length = Math.min(bytes - (bytes % BLOCK_BYTES), end - at, 0xffffffff * BLOCK_BYTES)
    if (length <= 0) break
    const last = runs.at(-1)
    if (last && last.mapped === mapped) last.bytes += length
    else runs.push({ at, bytes: length, mapped })
    at += length
  }
  plan.answer(encodeLbaStatus(runs), plan.room)
}

async function writeSame(lun: DiskLun, plan: Plan, block: Uint8Array): Promise<void> {
  // A block of zeros is what an unmapped one reads as, so it takes no space either way.
  if (plan.zeros || block.every((byte) => byte === 0)) {
    await lun.zero(plan.at, plan.bytes)
    return flushIf(lun, plan)
  }
  const pattern = Buffer.alloc(Math.min(plan.bytes, STEP_BYTES), block)
  for (let done = 0; done < plan.bytes; done += pattern.length) {
    const left = plan.bytes - done
    await lun.write([left < pattern.length ? pattern.subarray(0, left) : pattern], plan.at + done)
  }
  return flushIf(lun, plan)
}

/** Offset of the first byte that differs from `with`, which repeats; -1: none. */
async function mismatch(lun: DiskLun, at: number, bytes: number, expected: Uint8Array): Promise<number> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, STEP_BYTES))
  for (let done = 0; done < bytes; done += buffer.length) {
    const window = buffer.subarray(0, Math.min(buffer.length, bytes - done))
    await lun.device.read(window, at + done)
    if (expected.length >= bytes && window.equals(expected.subarray(done, done + window.length))) continue
    for (let i = 0; i < window.length; i++) if (window[i] !== expected[(done + i) % expected.length]) return done + i
  }
  return -1
}

async function compare(lun: DiskLun, plan: Plan, expected: Uint8Array): Promise<void> {
  const at = expected.length === 0 ? -1 : await mismatch(lun, plan.at, plan.bytes, expected)
  if (at < 0) return plan.good()
  plan.fail(SENSE.miscompare)
  plan.information = at
}

async function compareAndWrite(lun: DiskLun, plan: Plan, data: Uint8Array): Promise<void> {
  if (plan.bytes === 0) return plan.good()
  const at = await mismatch(lun, plan.at, plan.bytes, data.subarray(0, plan.bytes))
  if (at >= 0) {
    plan.fail(SENSE.miscompare)
    plan.information = at
    return
  }
  await lun.device.write([data.subarray(plan.bytes, 2 * plan.bytes)], plan.at)
  return flushIf(lun, plan)
}

async function orWrite(lun: DiskLun, plan: Plan, data: Uint8Array): Promise<void> {
  const content = Buffer.allocUnsafe(data.length)
  if (data.length > 0) {
    await lun.device.read(content, plan.at)
    for (let i = 0; i < content.length; i++) content[i] = content[i]! | data[i]!
    await lun.device.write([content], plan.at)
  }
  return flushIf(lun, plan)
}
