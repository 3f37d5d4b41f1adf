import type { StandingOrder } from '../../gateway/boot-orders.ts'
import type { ImageKind } from '../../images/image.ts'
import type { Profile } from '../../profiles/profile.ts'

/** What is booted by order of a machine's BMC and has no profile; profiles have no capital letters. As it is told to people. */
export const UNNAMED = { 'OWN-DISK': 'its own disk', DISC: 'the disc in its BMC' } as const
export const OWN_DISK = 'OWN-DISK' satisfies keyof typeof UNNAMED
const DISC = 'DISC' satisfies keyof typeof UNNAMED

/** What a BMC was told of the next boot of its machine. */
export type BootOrders = Readonly<{
  bootFor(machine: string): StandingOrder | undefined
  /** It was obeyed: an order for one boot is used up. */
  obeyed(machine: string, order: string): Promise<void>
}>

/** The name of a profile, or what it is when it has none. */
export function told(profile: string): string {
  return Object.hasOwn(UNNAMED, profile) ? UNNAMED[profile as keyof typeof UNNAMED] : profile
}

/** The profile, where it is one that people know. */
export function named(profile: string): string | null {
  return Object.hasOwn(UNNAMED, profile) ? null : profile
}

/** What boots a disc: an iso image, a kernel with its initrds, or an address. `undefined`: there is no such image (any more). */
export function discProfile(
  media: string,
  imageKind: (reference: string) => ImageKind | undefined,
): Profile | undefined {
  const common = { name: DISC, description: '', createdAt: 0, updatedAt: 0 }
  if (/^https?:\/\//.test(media)) return { ...common, kind: 'iso', image: media }
  const kind = imageKind(media)
  if (kind === 'iso') return { ...common, kind, image: media }
  if (kind === 'bundle')
    return { ...common, kind: 'live', image: media, cmdline: '', files: [], config: null, disks: [] }
  return undefined
}
