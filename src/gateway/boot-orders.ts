import type { BootDevice } from '../power/boot-order.ts'
import type { Bmc } from './bmc.ts'
import { DEVICE_NAMES } from './written-command.ts'

/**
 * What a BMC was told of the next boot, for the stage that answers the machine. `obeyed` names what answers it: `network` is what
 * the machine does anyway, `disk` its own disk, `media` the disc that was inserted.
 */
export type StandingOrder = Readonly<{
  id: string
  obeyed: 'network' | 'disk' | 'media'
  /** Image or address, of `media`. */
  media: string | null
  once: boolean
  /** Milliseconds since 1970. */
  at: number
  /** As in "it boots X, because ...". */
  reason: string
}>

/** What of Reveille obeys an order; `nobody`: only firmware can. */
export function obeyedBy(device: BootDevice): StandingOrder['obeyed'] | 'nobody' {
  switch (device) {
    case 'pxe':
    case 'http':
      return 'network'
    case 'disk':
      return 'disk'
    case 'cdrom':
    case 'media':
      return 'media'
    default:
      return 'nobody'
  }
}

/**
 * The order that counts when the machine asks what to boot. One for the next boot that the firmware was told, too, is past when
 * the machine asks here: it was obeyed, or it was one for the network.
 */
export function standingOrder({ bootOrder, bootOrdered, media }: Bmc): StandingOrder | undefined {
  if (!bootOrder || !bootOrdered) return undefined
  const once = !bootOrder.persistent
  const { id, at, by, driver } = bootOrdered
  const wanted = obeyedBy(bootOrder.device)
  const how = once ? 'once' : 'from now on'
  const reason = `${by} told its BMC that it is to ${DEVICE_NAMES[bootOrder.device]} ${how}`
  if (wanted === 'nobody' || (once && driver !== null && wanted !== 'network'))
    return { id, obeyed: 'network', media: null, once, at, reason: `${reason}, which is for its firmware` }
  if (wanted === 'media' && media === null)
    return { id, obeyed: 'network', media: null, once, at, reason: `${reason}, but none is inserted` }
  return { id, obeyed: wanted, media: wanted === 'media' ? media : null, once, at, reason }
}
