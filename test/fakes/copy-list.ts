/** What initiators send with EXTENDED COPY(LID1). Everything that is not given is as they usually have it. */
export type CopyTargetFields = Readonly<{
  /** NAA as `0x3...`. */
  naa: string
  typeCode?: number
  flags?: number
  association?: number
  nameBytes?: number
  blockBytes?: number
}>
export type CopySegmentFields = Readonly<{
  from: number
  to: number
  blocks: number
  source?: number
  destination?: number
  typeCode?: number
  descriptorBytes?: number
}>
export type CopyListFields = Readonly<{
  id?: number
  usage?: number
  targets: readonly CopyTargetFields[]
  segments: readonly CopySegmentFields[]
  inlineBytes?: number
}>

/** The parameter list; blocks by their numbers. */
export function copyList({ id = 1, usage = 0, targets, segments, inlineBytes = 0 }: CopyListFields): Buffer {
  const list = Buffer.alloc(16 + 32 * targets.length + 28 * segments.length)
  list[0] = id
  list[1] = usage << 3
  list.writeUInt16BE(32 * targets.length, 2)
  list.writeUInt32BE(28 * segments.length, 8)
  list.writeUInt32BE(inlineBytes, 12)
  targets.forEach((one, i) => {
    const at = 16 + 32 * i
    list[at] = one.typeCode ?? 0xe4
    list[at + 1] = one.flags ?? 0
    list[at + 4] = 1
    list[at + 5] = ((one.association ?? 0) << 4) | 3
    list[at + 7] = one.nameBytes ?? 8
    list.writeBigUInt64BE(BigInt(one.naa), at + 8)
    list.writeUIntBE(one.blockBytes ?? 512, at + 29, 3)
  })
  segments.forEach((one, i) => {
    const at = 16 + 32 * targets.length + 28 * i
    list[at] = one.typeCode ?? 2
    list.writeUInt16BE(one.descriptorBytes ?? 24, at + 2)
    list.writeUInt16BE(one.source ?? 0, at + 4)
    list.writeUInt16BE(one.destination ?? 0, at + 6)
    list.writeUInt16BE(one.blocks, at + 10)
    list.writeBigUInt64BE(BigInt(one.from), at + 12)
    list.writeBigUInt64BE(BigInt(one.to), at + 20)
  })
  return list
}

/** CDBs of EXTENDED COPY(LID1) and of what is asked about it: 0 status, 3 operating parameters, 4 failure details. */
export const copyCdb = (bytes: number) => [0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, bytes >> 8, bytes & 0xff, 0, 0]
export const resultsCdb = (action: number, id: number, room = 1024) => [
  ...[0x84, action, id, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[room >> 8, room & 0xff, 0, 0],
]
