import type { Inventory } from '../../api/contract/agent.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type LoadOption, parseBootOrder, parseLoadOption } from '../../protocols/efi/load-option.ts'
import { EfiVariables } from '../efi/variables.ts'
import { shown } from './tree.ts'

const MOST_ENTRIES = 256

/** Firmware, Secure Boot and what the firmware would boot, in its order; entries that are in no order come last. */
export async function readFirmware(sys: string): Promise<Pick<Inventory, 'firmware' | 'secureBoot' | 'bootEntries'>> {
  const variables = await EfiVariables.open(sys)
  if (!variables) return { firmware: 'bios', secureBoot: null, bootEntries: [] }
  const secure = await variables.read('SecureBoot')
  const current = orderOf(await variables.read('BootCurrent'))[0]
  const entries = await readEntries(variables)
  const order = orderOf(await variables.read('BootOrder')).filter((number) => entries.has(number))
  const numbers = [...new Set([...order, ...[...entries.keys()].toSorted()])].slice(0, MOST_ENTRIES)
  return {
    firmware: 'uefi',
    secureBoot: secure === undefined ? null : secure[0] === 1,
    bootEntries: numbers.map((number) => ({
      number,
      name: shown(entries.get(number)!.name) ?? '',
      active: entries.get(number)!.active,
      current: number === current,
    })),
  }
}

/** All `Boot####` that can be understood, by their numbers. */
export async function readEntries(variables: EfiVariables): Promise<Map<string, LoadOption>> {
  const entries = new Map<string, LoadOption>()
  for (const name of await variables.names()) {
    const number = /^Boot([0-9A-F]{4})$/.exec(name)?.[1]
    const bytes = number && (await variables.read(name))
    if (!bytes) continue
    try {
      entries.set(number, parseLoadOption(bytes))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  return entries
}

/** Empty when the variable is missing or damaged. */
export function orderOf(bytes: Uint8Array | undefined): string[] {
  try {
    return bytes ? parseBootOrder(bytes) : []
  } catch (error) {
    if (error instanceof DecodeError) return []
    throw error
  }
}
