import type { BootDevice, BootOrder } from '../../power/boot-order.ts'
import { type Json, Problem } from './messages.ts'

/** `media` and `cdrom` are both `Cd`: the virtual drive of a BMC shows itself to firmware as one. */
const TARGETS: Readonly<Record<string, BootDevice>> = {
  Pxe: 'pxe',
  UefiHttp: 'http',
  Hdd: 'disk',
  Cd: 'cdrom',
  Usb: 'usb',
  BiosSetup: 'setup',
  Diags: 'diag',
}
const NAMES: Readonly<Record<BootDevice, string>> = {
  pxe: 'Pxe',
  http: 'UefiHttp',
  disk: 'Hdd',
  cdrom: 'Cd',
  media: 'Cd',
  usb: 'Usb',
  setup: 'BiosSetup',
  diag: 'Diags',
}
const ENABLED = ['Disabled', 'Once', 'Continuous'] as const
const MODES = ['UEFI', 'Legacy'] as const
const KNOWN = ['BootSourceOverrideEnabled', 'BootSourceOverrideTarget', 'BootSourceOverrideMode'] as const

/** What a machine is told without a word about it. */
export const DEFAULT_EFI = true

/** `Boot` of a ComputerSystem. `efi`: the mode to show while nothing is ordered. */
export function bootDocument(order: BootOrder | null, efi: boolean): Json {
  return {
    BootSourceOverrideEnabled: order ? (order.persistent ? 'Continuous' : 'Once') : 'Disabled',
    'BootSourceOverrideEnabled@Redfish.AllowableValues': ENABLED,
    BootSourceOverrideTarget: order ? NAMES[order.device] : 'None',
    'BootSourceOverrideTarget@Redfish.AllowableValues': ['None', ...Object.keys(TARGETS)],
    BootSourceOverrideMode: (order?.efi ?? efi) ? 'UEFI' : 'Legacy',
    'BootSourceOverrideMode@Redfish.AllowableValues': MODES,
  }
}

export type BootChange = Readonly<{
  /** `undefined`: only the mode was named, and nothing is ordered that it could change. */
  order: BootOrder | null | undefined
  /** The mode that was named. */
  efi: boolean | undefined
}>

/**
 * Reads a PATCH of `Boot` (DSP0268, ComputerSystem). What it leaves out stays as it is; a target without a word on how long counts
 * once, when nothing was ordered before. Throws a `Problem`.
 */
export function readBootChange(
  patch: unknown,
  now: { order: BootOrder | null; efi: boolean; mediaInserted: boolean },
): BootChange {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch))
    throw new Problem('PropertyValueTypeError', ['Boot'], { property: '#/Boot' })
  const given = Object.entries(patch).filter(([name]) => !name.includes('@'))
  for (const [name] of given)
    if (!KNOWN.some((known) => known === name))
      throw new Problem('PropertyUnknown', [name], { property: `#/Boot/${name}` })
  const fields = new Map(given)
  const enabled = choice(fields, 'BootSourceOverrideEnabled', ENABLED)
  const target = choice(fields, 'BootSourceOverrideTarget', ['None', ...Object.keys(TARGETS)])
  const mode = choice(fields, 'BootSourceOverrideMode', MODES)
  const efi = mode === undefined ? undefined : mode === 'UEFI'
  if (enabled === undefined && target === undefined)
    return { order: now.order && efi !== undefined ? checked({ ...now.order, efi }) : undefined, efi }
  if (enabled === 'Disabled' || target === 'None') return { order: null, efi }
  const device = target === undefined ? now.order?.device : deviceOf(target, now.mediaInserted)
  if (device === undefined)
    throw new Problem('PropertyMissing', ['BootSourceOverrideTarget'], { property: '#/Boot/BootSourceOverrideTarget' })
  const persistent = enabled === undefined ? (now.order?.persistent ?? false) : enabled === 'Continuous'
  return { order: checked({ device, persistent, efi: efi ?? now.order?.efi ?? now.efi }), efi }
}

function deviceOf(target: string, mediaInserted: boolean): BootDevice {
  return target === 'Cd' && mediaInserted ? 'media' : TARGETS[target]!
}

function checked(order: BootOrder): BootOrder {
  if (order.device === 'http' && !order.efi)
    throw new Problem('PropertyValueConflict', ['BootSourceOverrideTarget UefiHttp', 'BootSourceOverrideMode Legacy'], {
      property: '#/Boot/BootSourceOverrideTarget',
    })
  return order
}

function choice<const Value extends string>(
  fields: ReadonlyMap<string, unknown>,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const value = fields.get(name)
  if (value === undefined) return undefined
  const property = `#/Boot/${name}`
  if (typeof value !== 'string') throw new Problem('PropertyValueTypeError', [name], { property })
  const found = values.find((one) => one === value)
  if (found === undefined) throw new Problem('PropertyValueNotInList', [value, name], { property })
  return found
}
