import { DecodeError } from '../../../kit/errors.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import { decodeFru, type FruInventory, GET_FRU_AREA, MAIN_FRU, READ_FRU } from '../../../protocols/ipmi/fru.ts'
import type { Fru } from '../../driver.ts'
import type { AskOptions, Link } from './link.ts'

/** Areas lie in the first bytes; beyond them are records of makers, which nobody reads here. */
const MOST_FRU_BYTES = 4096
/** What a BMC may answer when it was asked for more at once than it can give. */
const TOO_MUCH: readonly number[] = [
  COMPLETION.tooManyBytes,
  COMPLETION.badLength,
  COMPLETION.tooLong,
  COMPLETION.outOfRange,
  COMPLETION.unspecified,
]
const PART_BYTES = { first: 32, least: 8 } as const

/** What the machine says it is (FRU device 0). */
export async function readFru(link: Link, options: AskOptions): Promise<Fru> {
  const device = MAIN_FRU
  const { bytes, inWords } = await link.call(GET_FRU_AREA, { device }, options)
  const unit = inWords ? 2 : 1
  const size = Math.min(bytes, MOST_FRU_BYTES)
  const content = new Uint8Array(size)
  let part: number = PART_BYTES.first
  let at = 0
  while (at < size) {
    const count = Math.min(part, size - at)
    try {
      const { data } = await link.call(READ_FRU, { device, offset: at / unit, count: Math.ceil(count / unit) }, options)
      if (data.length === 0) break
      content.set(data.subarray(0, size - at), at)
      at += data.length
    } catch (error) {
      if (!(error instanceof CompletionError && TOO_MUCH.includes(error.code)) || part <= PART_BYTES.least) {
        // The end was nearer than the BMC said.
        if (error instanceof CompletionError && at > 0) break
        throw error
      }
      part /= 2
    }
  }
  return fruOf(content.subarray(0, at))
}

/** What can be read of it: an area with a wrong checksum, which real machines have, takes nothing from the others. */
export function fruOf(content: Uint8Array): Fru {
  const { chassis } = areaOf(content, 2)
  const { board } = areaOf(content, 3)
  const { product } = areaOf(content, 4)
  return {
    manufacturer: text(product?.manufacturer),
    product: text(product?.name),
    partNumber: text(product?.partNumber),
    serial: text(product?.serial),
    assetTag: text(product?.assetTag),
    boardManufacturer: text(board?.manufacturer),
    boardProduct: text(board?.product),
    boardSerial: text(board?.serial),
    chassisSerial: text(chassis?.serial),
  }
}

const HEADER_BYTES = 8

/** One area alone, which the byte `place` of the header points at (FRU storage definition §8). */
function areaOf(content: Uint8Array, place: number): FruInventory {
  if (content.length < HEADER_BYTES) return {}
  const alone = content.slice()
  for (let at = 1; at < HEADER_BYTES; at++) if (at !== place) alone[at] = 0
  alone[7] = -(alone[0]! + alone[place]!)
  try {
    return decodeFru(alone)
  } catch (error) {
    if (error instanceof DecodeError) return {}
    throw error
  }
}

const text = (value: string | undefined): string | null => (value ? value : null)
