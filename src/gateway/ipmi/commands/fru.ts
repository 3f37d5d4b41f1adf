import { Refusal } from '../../../kit/errors.ts'
import type { Fru } from '../../../power/driver.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import * as wire from '../../../protocols/ipmi/fru.ts'
import type { BmcBackEnd } from '../../back-end.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, refuse } from './answers.ts'

/** Clients read an inventory in many small pieces, which must be pieces of the same. */
const KEPT_MS = 30_000
/** Platform Management FRU Information Storage Definition, table 3-1 (SMBIOS): the kind of chassis is not known. */
const UNKNOWN_CHASSIS = 0x02
/** What we send at most in one answer. */
const MOST_PART_BYTES = 200

/** What the back end knows, and what the server knows of the machine where it does not say. */
export function inventoryOf(machine: BmcBackEnd['machine'], fru: Fru | undefined): wire.FruInventory {
  const serial = fru?.serial ?? machine.serial ?? ''
  const chassisSerial = fru?.chassisSerial ?? ''
  const [boardMaker, boardName, boardSerial] = [fru?.boardManufacturer, fru?.boardProduct, fru?.boardSerial]
  return {
    chassis: chassisSerial === '' ? undefined : { type: UNKNOWN_CHASSIS, partNumber: '', serial: chassisSerial },
    board:
      boardMaker || boardName || boardSerial
        ? {
            madeAt: null,
            manufacturer: boardMaker ?? '',
            product: boardName ?? '',
            serial: boardSerial ?? '',
            partNumber: '',
          }
        : undefined,
    product: {
      manufacturer: fru?.manufacturer ?? machine.manufacturer ?? '',
      name: fru?.product ?? machine.product ?? machine.name,
      partNumber: fru?.partNumber ?? '',
      version: '',
      serial,
      assetTag: fru?.assetTag ?? machine.name,
    },
  }
}

async function build({ backEnd }: CommandContext): Promise<Uint8Array> {
  let fru: Fru | undefined
  try {
    fru = await backEnd.fru()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
  return wire.encodeFru(inventoryOf(backEnd.machine, fru))
}

function inventory(device: number, context: CommandContext): Promise<Uint8Array> {
  if (device !== wire.MAIN_FRU) refuse(COMPLETION.notPresent)
  const { state, now } = context
  if (state.fru && now() - state.fru.at < KEPT_MS) return state.fru.bytes
  const bytes = build(context)
  state.fru = { at: now(), bytes }
  bytes.catch(() => {
    state.fru = undefined
  })
  return bytes
}

export const FRU: readonly Command[] = [
  answers(wire.GET_FRU_AREA, async ({ device }, context) => ({
    bytes: (await inventory(device, context)).length,
    inWords: false,
  })),
  answers(wire.READ_FRU, async ({ device, offset, count }, context) => {
    const bytes = await inventory(device, context)
    if (offset >= bytes.length) refuse(COMPLETION.outOfRange)
    return { data: bytes.subarray(offset, offset + Math.min(count, MOST_PART_BYTES)) }
  }),
]
