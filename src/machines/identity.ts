import type { Machine, Sighting } from './machine.ts'

/** Makers who never set a UUID ship these; thousands of boards share each. */
const SHARED_UUIDS = new Set([
  '03000200-0400-0500-0006-000700080009',
  '00020003-0004-0005-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
  '12345678-1234-1234-1234-123456789abc',
  '01020304-0506-0708-090a-0b0c0d0e0f10',
  '4c4c4544-0000-2010-8020-80c04f202020',
])

const PLACEHOLDER =
  /^(0*|x+|\.+|-+|n\/?a|none|null|unknown|default( string)?|empty|to be filled.*|not (specified|available|applicable|present)|(system|chassis|base board) serial.*|o\.?e\.?m\.?|0?123456789.*|invalid|serial ?number)$/i

/** Lower case with hyphens; `undefined` when it is none, or one that says nothing (all zeros, all ones, a maker's constant). */
export function tellingUuid(text: string | null | undefined): string | undefined {
  const uuid = text?.trim().toLowerCase() ?? ''
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) return undefined
  if (new Set(uuid.replaceAll('-', '')).size === 1) return undefined
  return SHARED_UUIDS.has(uuid) ? undefined : uuid
}

/** Firmware text cut to 100 printable characters; `undefined` for the placeholders that makers leave in. */
export function tellingText(text: string | null | undefined): string | undefined {
  const clean = text
    ?.replace(/[^\x20-\x7e]/g, '')
    .trim()
    .slice(0, 100)
  return clean && !PLACEHOLDER.test(clean) ? clean : undefined
}

/**
 * The known machine that an unknown MAC belongs to, if that is beyond doubt. A UUID alone proves nothing (cloned disks of
 * firmware, boards with a constant), and a wrong match would boot one machine as another. So it takes a telling UUID that
 * just one known machine has, and the same telling serial number on both sides.
 */
export function sameMachine(sighting: Sighting, withUuid: readonly Machine[]): Machine | undefined {
  const [only] = withUuid
  const serial = tellingText(sighting.serial)
  if (!only || withUuid.length > 1 || !serial || only.serial !== serial) return undefined
  return tellingUuid(sighting.uuid) === only.uuid ? only : undefined
}

/**
 * What a sighting adds to a machine. UUID, serial, manufacturer and product are filled in once and then kept: a person may
 * have corrected them. Firmware and architecture follow the newest boot. The same object when nothing is new.
 */
export function learned(machine: Machine, sighting: Sighting): Machine {
  const facts = {
    uuid: machine.uuid ?? tellingUuid(sighting.uuid) ?? null,
    serial: machine.serial ?? tellingText(sighting.serial) ?? null,
    manufacturer: machine.manufacturer ?? tellingText(sighting.manufacturer) ?? null,
    product: machine.product ?? tellingText(sighting.product) ?? null,
    firmware: sighting.firmware ?? machine.firmware,
    architecture: sighting.architecture ?? machine.architecture,
  }
  const same = (Object.keys(facts) as (keyof typeof facts)[]).every((field) => facts[field] === machine[field])
  return same ? machine : { ...machine, ...facts }
}
