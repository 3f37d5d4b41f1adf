import type { BootDevice, BootOrder } from '../../../power/boot-order.ts'
import * as wire from '../../../protocols/ipmi/boot-options.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, refuse } from './answers.ts'

/** What each selector of IPMI orders. What is not here cannot be ordered. */
const DEVICES: Readonly<Partial<Record<wire.BootSelector, BootDevice>>> = {
  pxe: 'pxe',
  disk: 'disk',
  diag: 'diag',
  cdrom: 'cdrom',
  setup: 'setup',
  'remote-cdrom': 'media',
  'remote-media': 'media',
  removable: 'usb',
}

/** How an order that came another way is shown. IPMI has no word for HTTP boot. */
const SELECTORS: Readonly<Record<BootDevice, wire.BootSelector>> = {
  pxe: 'pxe',
  http: 'pxe',
  disk: 'disk',
  cdrom: 'cdrom',
  usb: 'removable',
  media: 'remote-cdrom',
  setup: 'setup',
  diag: 'diag',
}

const isSame = (a: BootOrder | null, b: BootOrder | null): boolean =>
  a === b || (a !== null && b !== null && a.device === b.device && a.persistent === b.persistent && a.efi === b.efi)

/** The order that these flags are. Refused (CCh) where they ask for what nobody could make the firmware do. */
export function orderOf(flags: wire.BootFlags): BootOrder | null {
  // Both would be swallowed without a trace, and one of them opens a locked machine.
  if (flags.isValid && (flags.clearsCmos || flags.bypassesPassword)) refuse(COMPLETION.invalidField)
  if (!flags.isValid || flags.device === 'none') return null
  const device = DEVICES[flags.device] ?? refuse(COMPLETION.invalidField)
  return { device, persistent: flags.isPersistent, efi: flags.isEfi }
}

function flagsOf(order: BootOrder | null): Uint8Array {
  if (!order) return wire.encodeBootFlags(wire.NO_BOOT_FLAGS)
  return wire.encodeBootFlags({
    ...wire.NO_BOOT_FLAGS,
    isValid: true,
    isPersistent: order.persistent,
    isEfi: order.efi,
    device: SELECTORS[order.device],
  })
}

/** One byte in a field of its own. @throws CompletionError (C7h, CCh) */
function oneByte(data: Uint8Array, most: number): number {
  if (data.length !== 1) refuse(COMPLETION.badLength)
  if (data[0]! > most) refuse(COMPLETION.invalidField)
  return data[0]!
}

async function setFlags(data: Uint8Array, { backEnd, state, by }: CommandContext): Promise<void> {
  if (data.length !== 5) refuse(COMPLETION.badLength)
  const order = orderOf(wire.decodeBootFlags(data))
  await backEnd.setBootOrder(order, by)
  state.boot.written = { flags: data, order }
}

async function set({ parameter, data }: wire.SetBootOption, context: CommandContext): Promise<void> {
  const { boot } = context.state
  // Table 28-12: without data the request only marks a parameter valid or not; we lock none.
  const onlyMarks = data.length === 0
  switch (parameter) {
    case wire.BOOT_PARAMETER.setInProgress:
      if (!onlyMarks) {
        const value = oneByte(data, 2)
        boot.inProgress = value === 1 ? 1 : 0
      }
      return
    case wire.BOOT_PARAMETER.validBitClearing:
      if (!onlyMarks) boot.clearing = oneByte(data, 0x1f)
      return
    case wire.BOOT_PARAMETER.infoAcknowledge:
      if (onlyMarks) return
      if (data.length !== 2) refuse(COMPLETION.badLength)
      boot.acknowledged = (boot.acknowledged & ~data[0]!) | (data[1]! & data[0]!)
      return
    case wire.BOOT_PARAMETER.flags:
      if (!onlyMarks) await setFlags(data, context)
      return
    default:
      refuse(wire.BOOT_COMPLETION.notSupported)
  }
}

async function flags({ backEnd, state }: CommandContext): Promise<Uint8Array> {
  const order = await backEnd.bootOrder()
  const { written } = state.boot
  // What was written holds bits that no order has, for as long as it is the order that stands.
  return written && isSame(written.order, order) ? written.flags : flagsOf(order)
}

async function get({ parameter, set, block }: wire.GetBootOption, context: CommandContext): Promise<wire.BootOption> {
  const { boot } = context.state
  const answer = (data: Uint8Array): wire.BootOption => {
    if (set !== 0 || block !== 0) refuse(COMPLETION.invalidField)
    return { parameter, isLocked: false, data }
  }
  switch (parameter) {
    case wire.BOOT_PARAMETER.setInProgress:
      return answer(Uint8Array.of(boot.inProgress))
    case wire.BOOT_PARAMETER.validBitClearing:
      return answer(Uint8Array.of(boot.clearing))
    case wire.BOOT_PARAMETER.infoAcknowledge:
      return answer(Uint8Array.of(0, boot.acknowledged))
    case wire.BOOT_PARAMETER.flags:
      return answer(await flags(context))
    default:
      return refuse(wire.BOOT_COMPLETION.notSupported)
  }
}

export const BOOT_OPTIONS: readonly Command[] = [answers(wire.SET_BOOT_OPTION, set), answers(wire.GET_BOOT_OPTION, get)]
