import { BOOT_PATHS } from '../boot/paths.ts'
import type { ListenAddress } from '../config/values.ts'
import type { Attachment, LabNetwork } from './network.ts'

/** The address by which a guest of QEMU's user networking reaches loopback on this computer. */
const HOST_SEEN_BY_GUEST = '10.0.2.2'

/**
 * QEMU's user networking: no root, but no wire either. QEMU itself answers DHCP with the URL of our first script, so that the
 * stages offer and loader are left out; machines cannot reach each other.
 */
export class UserNetwork implements LabNetwork {
  readonly mode = 'user'
  readonly interface = null
  readonly #listen: ListenAddress

  constructor(listen: ListenAddress) {
    this.#listen = listen
  }

  async impossible(): Promise<string | undefined> {
    return undefined
  }

  async isUp(): Promise<boolean> {
    return true
  }

  async up(): Promise<void> {}

  async down(): Promise<void> {}

  async attach(): Promise<Attachment> {
    return { netdev: `user,id=net0,bootfile=${userNetworkBase(this.#listen)}${BOOT_PATHS.start}`, within: [] }
  }

  async detach(): Promise<void> {}
}

/** The URL by which a guest of QEMU's user networking reaches a server that listens here. */
export function userNetworkBase({ host, port }: ListenAddress): string {
  const reached = host === '0.0.0.0' || host.startsWith('127.') ? HOST_SEEN_BY_GUEST : host
  return `http://${reached}:${port}`
}
