import { Refusal } from '../../../kit/errors.ts'
import type { BootDevice, BootOrder } from '../../boot-order.ts'
import { type Document, field, object, text, texts } from './fields.ts'
import type { BootWay, Oddities } from './oddities.ts'

const TARGETS: Readonly<Record<Exclude<BootDevice, 'media'>, readonly string[]>> = {
  pxe: ['Pxe'],
  http: ['UefiHttp'],
  disk: ['Hdd'],
  cdrom: ['Cd'],
  usb: ['Usb'],
  setup: ['BiosSetup'],
  diag: ['Diags', 'Utilities'],
}
const DEVICES: Readonly<Record<string, BootDevice>> = {
  Pxe: 'pxe',
  UefiHttp: 'http',
  Hdd: 'disk',
  Cd: 'cdrom',
  UsbCd: 'media',
  RemoteDrive: 'media',
  Usb: 'usb',
  BiosSetup: 'setup',
  Diags: 'diag',
  Utilities: 'diag',
}

/** The order that a `Boot` shows; `null` for none, and for targets that we have no word for. */
export function bootOrderOf(boot: unknown): BootOrder | null {
  const enabled = text(field(boot, 'BootSourceOverrideEnabled'))
  const target = text(field(boot, 'BootSourceOverrideTarget')) ?? 'None'
  const device = Object.hasOwn(DEVICES, target) ? DEVICES[target] : undefined
  if (device === undefined || (enabled !== 'Once' && enabled !== 'Continuous')) return null
  const mode = text(field(boot, 'BootSourceOverrideMode'))
  return { device, persistent: enabled === 'Continuous', efi: mode === null ? device === 'http' : mode === 'UEFI' }
}

/** The target for a device, among those that the machine offers. */
export function targetFor(device: BootDevice, boot: unknown, oddities: Oddities): string {
  const offered = texts(field(boot, 'BootSourceOverrideTarget@Redfish.AllowableValues'))
  const wanted = device === 'media' ? oddities.media : TARGETS[device]
  const found = offered.length === 0 ? wanted[0] : wanted.find((target) => offered.includes(target))
  if (found !== undefined) return found
  throw new Refusal(
    'wrong-state',
    `this machine cannot be told to boot from ${device}; it offers ${offered.join(', ')}`,
  )
}

/** The bodies to try, in their order, to give this order. */
export function bootPatches(order: BootOrder | null, boot: Document, oddities: Oddities): readonly Document[] {
  if (order === null) {
    const target = oddities.clearTarget
    const disabled = { BootSourceOverrideEnabled: 'Disabled' }
    const mode = text(field(boot, 'BootSourceOverrideMode'))
    const bodies = [
      target === null ? disabled : { ...disabled, BootSourceOverrideTarget: target },
      disabled,
      ...(mode === null ? [] : [{ ...disabled, BootSourceOverrideTarget: 'None', BootSourceOverrideMode: mode }]),
    ]
    return bodies.map((Boot) => ({ Boot }))
  }
  const target = { BootSourceOverrideTarget: targetFor(order.device, boot, oddities) }
  const enabled = { BootSourceOverrideEnabled: order.persistent ? 'Continuous' : 'Once' }
  const shows = Object.hasOwn(object(boot), 'BootSourceOverrideMode')
  const mode = shows ? { BootSourceOverrideMode: order.efi ? 'UEFI' : 'Legacy' } : {}
  const bodies: Readonly<Record<BootWay, Document | undefined>> = {
    full: { ...enabled, ...target, ...mode },
    'without-mode': { ...enabled, ...target },
    // Means once wherever it is understood.
    target: order.persistent ? undefined : target,
  }
  const ways = oddities.boot.flatMap((way) => bodies[way] ?? [])
  const different = new Map(ways.map((body) => [JSON.stringify(body), body]))
  return [...different.values()].map((Boot) => ({ Boot }))
}

/** What a `Boot` shows other than what was ordered, in words; `undefined` when it is as ordered. */
export function bootDifference(order: BootOrder | null, boot: unknown): string | undefined {
  const enabled = text(field(boot, 'BootSourceOverrideEnabled'))
  const target = text(field(boot, 'BootSourceOverrideTarget'))
  const mode = text(field(boot, 'BootSourceOverrideMode'))
  const shown = `${enabled ?? 'nothing'} ${target ?? 'nothing'}${mode === null ? '' : ` in mode ${mode}`}`
  const now = bootOrderOf(boot)
  if (order === null) return now === null ? undefined : shown
  const same =
    now !== null &&
    now.persistent === order.persistent &&
    (now.device === order.device || (isDisc(now.device) && isDisc(order.device))) &&
    (mode === null || now.efi === order.efi)
  return same ? undefined : shown
}

const isDisc = (device: BootDevice) => device === 'cdrom' || device === 'media'
