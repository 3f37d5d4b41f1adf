import { u16, u24, u32, u64 } from './cdb.ts'
import {
  MOST_DESCRIPTOR_BYTES,
  OWN_UNIT,
  SEGMENT_BYTES,
  SEGMENT_TYPE,
  TARGET_BYTES,
  TARGET_TYPE,
} from './copy-limits.ts'
import type { CopyList, CopySegment, CopyTarget } from './copy-plan.ts'
import type { CopyFault } from './copy-sense.ts'
import { LIMITS } from './limits.ts'
import { BLOCK_BYTES, type Plan } from './plan.ts'
import { SENSE, type SenseCode } from './sense.ts'
import { type UnitIdentity, unitNames } from './vital-pages.ts'

const HEADER_BYTES = 16
/** Longest parameter list that is taken: what descriptors may have, and some bytes behind them that are not looked at. */
const MOST_LIST_BYTES = 4096

/** EXTENDED COPY(LID1) (SPC-4, 6.5), its CDB. */
export function planExtendedCopy(cdb: Uint8Array, plan: Plan): undefined {
  const bytes = u32(cdb, 10)
  if (bytes === 0) plan.good()
  else if (bytes < HEADER_BYTES || bytes > MOST_LIST_BYTES) plan.fail(SENSE.parameterListLength)
  else plan.take(bytes)
}

/** The parameter list of EXTENDED COPY(LID1). What is wrong with it is known before anything is copied (SPC-4, 5.17.7.3): a sense code. */
export function parseCopyList(list: Uint8Array): CopyList | SenseCode {
  if (list.length < HEADER_BYTES) return SENSE.parameterListLength
  const [targetBytes, segmentBytes, inlineBytes] = [u16(list, 2), u32(list, 8), u32(list, 12)]
  // Beyond the limit, cut off by the CDB (6.4.1), or with inline data, of which nothing we do makes use.
  if (targetBytes + segmentBytes > MOST_DESCRIPTOR_BYTES || inlineBytes > 0) return SENSE.parameterListLength
  if (HEADER_BYTES + targetBytes + segmentBytes > list.length) return SENSE.parameterListLength
  const usage = (list[1]! >> 3) & 3
  // Table 129: 01b is reserved; 11b has no identifier.
  if (usage === 1 || (usage === 3 && list[0] !== 0)) return SENSE.invalidParameter
  const targets = parseTargets(list.subarray(HEADER_BYTES, HEADER_BYTES + targetBytes))
  if (typeof targets === 'number') return targets
  const from = HEADER_BYTES + targetBytes
  const segments = parseSegments(list.subarray(from, from + segmentBytes))
  if (typeof segments === 'number') return segments
  return { id: usage === 3 ? undefined : list[0]!, targets, segments }
}

function parseTargets(list: Uint8Array): readonly CopyTarget[] | SenseCode {
  // All CSCD descriptors have a multiple of 32 bytes (6.4.5.1).
  if (list.length % TARGET_BYTES !== 0) return SENSE.invalidParameter
  if (list.length > LIMITS.copyTargets * TARGET_BYTES) return SENSE.tooManyTargets
  const targets: CopyTarget[] = []
  for (let at = 0; at < list.length; at += TARGET_BYTES) {
    if (list[at] !== TARGET_TYPE) return SENSE.unsupportedTarget
    const isNull = (list[at + 1]! & 0x20) !== 0
    const nameBytes = list[at + 7]!
    // LU ID TYPE means nothing for this kind (6.4.5.6). Of a null device only the type of its descriptor counts.
    if (!isNull && nameBytes > 20) return SENSE.invalidParameter
    targets.push({
      isNull,
      deviceType: list[at + 1]! & 0x1f,
      codeSet: list[at + 4]! & 0x0f,
      association: (list[at + 5]! >> 4) & 3,
      type: list[at + 5]! & 0x0f,
      name: list.slice(at + 8, at + 8 + nameBytes),
      blockBytes: u24(list, at + 29),
    })
  }
  return targets
}

function parseSegments(list: Uint8Array): readonly CopySegment[] | SenseCode {
  const segments: CopySegment[] = []
  for (let at = 0; at < list.length; at += SEGMENT_BYTES) {
    if (segments.length === LIMITS.copySegments) return SENSE.tooManySegments
    if (list[at] !== SEGMENT_TYPE) return SENSE.unsupportedSegment
    if (at + SEGMENT_BYTES > list.length || u16(list, at + 2) !== SEGMENT_BYTES - 4) return SENSE.invalidParameter
    segments.push({
      source: u16(list, at + 4),
      destination: u16(list, at + 6),
      // DC tells whose blocks these are, and CAT what becomes of the rest of one: all blocks here have one size.
      bytes: u16(list, at + 10) * BLOCK_BYTES,
      from: u64(list, at + 12) * BLOCK_BYTES,
      to: u64(list, at + 20) * BLOCK_BYTES,
    })
  }
  return segments
}

/** A unit as far as finding it goes. */
type Unit = Readonly<{ identity: UnitIdentity; blocks: number }>

/**
 * The unit at one end of a segment, among those that may be used, or why there is none. `own` is the one that the command was sent to. Whether
 * the blocks are there is known too.
 */
export function unitOf<U extends Unit>(
  list: CopyList,
  segment: CopySegment,
  end: 'source' | 'destination',
  own: U,
  units: readonly U[],
): Readonly<{ unit: U }> | Readonly<{ fault: CopyFault }> {
  const isSource = end === 'source'
  const id = segment[end]
  const found = id === OWN_UNIT ? { unit: own } : named(list, id, units, isSource ? 4 : 6)
  if ('fault' in found) return found
  const at = isSource ? segment.from : segment.to
  // SPC-4 does not say which; one that says more would be taken for a failure of the device.
  if (at + segment.bytes > found.unit.blocks * BLOCK_BYTES)
    return { fault: { sense: SENSE.copyAborted, pointer: { inSegment: true, at: isSource ? 12 : 20 } } }
  return found
}

function named<U extends Unit>(
  list: CopyList,
  id: number,
  units: readonly U[],
  field: number,
): Readonly<{ unit: U }> | Readonly<{ fault: CopyFault }> {
  const target = list.targets[id]
  if (!target) return { fault: { sense: SENSE.unreachableCopyTarget, pointer: { inSegment: true, at: field } } }
  const at = descriptorAt(id)
  const unit = target.isNull ? undefined : units.find((one) => isNamed(target, one.identity))
  if (!unit) return { fault: { sense: SENSE.copyDeviceNotReachable, pointer: { inSegment: false, at } } }
  if (target.deviceType !== 0) return { fault: { sense: SENSE.copyDeviceType, pointer: { inSegment: false, at } } }
  if (target.blockBytes !== 0 && target.blockBytes !== BLOCK_BYTES)
    return { fault: { sense: SENSE.copyInvalidParameter, pointer: { inSegment: false, at: at + 29 } } }
  return { unit }
}

/** Where in the parameter list the descriptor with this ID is; `undefined`: it is none of the list. */
export const targetAt = (id: number): number | undefined => (id === OWN_UNIT ? undefined : descriptorAt(id))

const descriptorAt = (id: number) => HEADER_BYTES + id * TARGET_BYTES

/** Whether page 83h of a unit has this name. Names of ports and targets are not those of one unit. */
function isNamed(target: CopyTarget, identity: UnitIdentity): boolean {
  return unitNames(identity).some(
    ({ codeSet, type, value }) =>
      target.association === 0 &&
      target.codeSet === codeSet &&
      target.type === type &&
      target.name.length === value.length &&
      target.name.every((byte, i) => byte === value[i]),
  )
}
