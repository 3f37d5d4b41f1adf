import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Mac, parseMac } from '../kit/mac.ts'
import { FIRMWARES } from '../machines/machine.ts'

export const NICS = ['virtio-net-pci', 'e1000', 'e1000e'] as const
export const DISK_MODELS = ['virtio-blk-pci', 'nvme'] as const
export const ROMS = ['ipxe', 'pxe', 'http'] as const
export const BOOT_ORDERS = ['network', 'disk'] as const

/** More disks than this are refused: the machine types have that many places for them. */
export const MOST_DISKS = 8

/** Names of lab machines: a folder, part of a serial number, part of a URL. */
export const LAB_NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/

/** What `machine.json` holds: all there is to know of a lab machine that is switched off. `createdAt`: milliseconds since 1970. */
export const LabSpec = z
  .object({
    format: z.literal(1),
    name: z.string().regex(LAB_NAME),
    mac: z.string().transform((text, context): Mac => {
      const mac = parseMac(text)
      if (mac === undefined) context.addIssue('an Ethernet address')
      return mac ?? ('' as Mac)
    }),
    uuid: z.guid(),
    firmware: z.enum(FIRMWARES),
    memoryMiB: z.number().int().positive(),
    disksGiB: z.array(z.number().positive()).max(MOST_DISKS),
    /** Machines made before there was a choice have the first. */
    diskModel: z.enum(DISK_MODELS).default('virtio-blk-pci'),
    nic: z.enum(NICS),
    rom: z.enum(ROMS),
    /** UEFI that starts only what Microsoft signed, with its keys enrolled. */
    secureBoot: z.boolean().default(false),
    bootOrder: z.enum(BOOT_ORDERS),
    createdAt: z.number(),
  })
  .strict()
export type LabSpec = Readonly<z.output<typeof LabSpec>>

/** What a person chooses of a lab machine; the API's `NewLabMachine` without `start`. */
export type LabWish = Pick<
  LabSpec,
  'name' | 'firmware' | 'memoryMiB' | 'disksGiB' | 'diskModel' | 'nic' | 'rom' | 'secureBoot' | 'bootOrder'
> & { mac?: Mac | undefined }

/**
 * The whole specification. UUID, and MAC if none is given, come from the name, so that a machine deleted and made again is the same machine to
 * the registry; a MAC in `taken` is stepped over.
 */
export function specify(wish: LabWish, taken: ReadonlySet<string>, createdAt: number): LabSpec {
  for (let attempt = 0; ; attempt++) {
    const digest = createHash('sha256').update(`${wish.name}#${attempt}`).digest('hex')
    const mac = `52:54:00:${digest.slice(0, 2)}:${digest.slice(2, 4)}:${digest.slice(4, 6)}` as Mac
    if (wish.mac === undefined && taken.has(mac)) continue
    // RFC 9562 §5.8: version 8 is for identifiers made by a rule of one's own.
    const uuid = `${digest.slice(8, 16)}-${digest.slice(16, 20)}-8${digest.slice(21, 24)}-8${digest.slice(25, 28)}-${digest.slice(28, 40)}`
    return { format: 1, ...wish, mac: wish.mac ?? mac, uuid, createdAt }
  }
}

/** Why these choices do not go together, in one sentence; `undefined` when they do. */
export function refuseWish(wish: LabWish, network: 'bridge' | 'user'): string | undefined {
  if (wish.disksGiB.length > MOST_DISKS) return `a lab machine has at most ${MOST_DISKS} disks`
  if (wish.secureBoot && wish.firmware === 'bios') return 'a BIOS knows no Secure Boot; only UEFI does'
  if (wish.secureBoot && wish.rom !== 'pxe')
    return `with Secure Boot a lab machine boots by the PXE of its firmware: rom pxe, not ${wish.rom}`
  if (wish.rom === 'http' && wish.firmware === 'bios') return 'a BIOS knows no HTTP boot; only UEFI does'
  if (wish.rom !== 'ipxe' && wish.firmware === 'uefi' && wish.nic !== 'virtio-net-pci')
    return `the UEFI firmware has no driver of its own for ${wish.nic}; its own PXE and HTTP boot need virtio-net-pci`
  if (wish.rom !== 'ipxe' && network === 'user')
    return `without root the lab has no DHCP stage, and only rom ipxe boots there (not ${wish.rom})`
  return undefined
}
