import {
  BOOT_PARAMETER,
  type BootSelector,
  decodeBootFlags,
  encodeBootFlags,
  GET_BOOT_OPTION,
  NO_BOOT_FLAGS,
  SET_BOOT_OPTION,
} from '../../../protocols/ipmi/boot-options.ts'
import { CompletionError } from '../../../protocols/ipmi/completion.ts'
import type { BootDevice, BootOrder } from '../../boot-order.ts'
import type { AskOptions, Link } from './link.ts'
import { bootDeviceUnknown } from './refusals.ts'

/** Table 28-14, parameter 0. */
const [COMPLETE, IN_PROGRESS, COMMIT] = [0, 1, 2] as const

const SELECTOR_OF: Readonly<Partial<Record<BootDevice, BootSelector>>> = {
  pxe: 'pxe',
  disk: 'disk',
  cdrom: 'cdrom',
  usb: 'removable',
  media: 'remote-cdrom',
  setup: 'setup',
  diag: 'diag',
}

const DEVICE_OF: Readonly<Partial<Record<BootSelector, BootDevice>>> = {
  pxe: 'pxe',
  disk: 'disk',
  'disk-safe-mode': 'disk',
  diag: 'diag',
  cdrom: 'cdrom',
  setup: 'setup',
  'remote-floppy': 'media',
  'remote-cdrom': 'media',
  'remote-media': 'media',
  'remote-disk': 'media',
  removable: 'usb',
}

/** Get System Boot Options, parameter 5 (IPMI 2.0 §28.13). */
export async function readBootOrder(link: Link, options: AskOptions): Promise<BootOrder | null> {
  const request = { parameter: BOOT_PARAMETER.flags, set: 0, block: 0 }
  const { data } = await link.call(GET_BOOT_OPTION, request, options)
  // Some answer fewer or more than the five bytes.
  const flags = decodeBootFlags(Uint8Array.from({ length: 5 }, (_, i) => data[i] ?? 0))
  const device = DEVICE_OF[flags.device]
  if (!flags.isValid || !device) return null
  return { device, persistent: flags.isPersistent, efi: flags.isEfi }
}

/**
 * Orders it the way that firmware wants it; `readBootOrder` shows what came of it. BMCs differ in what they know of this: only the
 * flags themselves must be taken.
 */
export async function writeBootOrder(link: Link, order: BootOrder | null, options: AskOptions): Promise<void> {
  const device = order ? SELECTOR_OF[order.device] : 'none'
  if (!device) throw bootDeviceUnknown(link.whom, order!.device)
  const set = (parameter: number, data: Uint8Array) =>
    link.call(SET_BOOT_OPTION, { parameter, isLocked: false, data }, options)
  const trySet = (parameter: number, ...data: readonly number[]) =>
    set(parameter, Uint8Array.from(data)).then(
      () => true,
      (error: unknown) => {
        // Whoever does not know a parameter needs none of it.
        if (error instanceof CompletionError) return false
        throw error
      },
    )
  const flags = order
    ? { ...NO_BOOT_FLAGS, isValid: true, isPersistent: order.persistent, isEfi: order.efi, device }
    : NO_BOOT_FLAGS
  const isMarked = await trySet(BOOT_PARAMETER.setInProgress, IN_PROGRESS)
  try {
    // Table 28-14: the firmware (bit 0) has not handled this order yet.
    await trySet(BOOT_PARAMETER.infoAcknowledge, 0x01, 0x01)
    // Else a BMC forgets the order when the machine is not started by it within 60 s (bit 3), or starts otherwise (the others).
    await trySet(BOOT_PARAMETER.validBitClearing, 0x1f)
    await set(BOOT_PARAMETER.flags, encodeBootFlags(flags))
    if (isMarked) await trySet(BOOT_PARAMETER.setInProgress, COMMIT)
  } finally {
    // Best effort: what went wrong above is what the caller wants to know.
    if (isMarked) await trySet(BOOT_PARAMETER.setInProgress, COMPLETE).catch(() => false)
  }
}
