import { sshConnector } from '../guests/drivers/ssh-connection.ts'
import type { GuestRepository, OfflineDisk } from '../guests/guest.ts'
import { Guests } from '../guests/guests.ts'
import { guestSealer } from '../guests/seal.ts'
import { formatIpv4 } from '../kit/ip.ts'
import type { Log } from '../kit/log.ts'
import type { Machine } from '../machines/machine.ts'
import type { Leases } from '../networks/leases.ts'
import { aesGcmSealer } from '../secrets/drivers/aes-gcm.ts'
import { keyFile } from '../store/key-file.ts'

type Around = Readonly<{
  repository: GuestRepository
  dataDir: string
  leases: Pick<Leases, 'ofMac'>
  offline?: OfflineDisk | undefined
  log: Log
}>

/** Running systems, over SSH and over the disks of machines that are off. */
export async function openGuests({ repository, dataDir, leases, offline, log }: Around): Promise<Guests> {
  return Guests.open({
    repository,
    sealer: guestSealer(aesGcmSealer(await keyFile(dataDir, 'guest-key'), 'guest-key')),
    connector: sshConnector,
    addressOf: (machine) => addressOf(machine, leases),
    offline,
    base64: (text, encoding) => Buffer.from(text, encoding).toString('base64'),
    log,
  })
}

/** The newest lease of ours says where a machine is; else the address that is reserved for it, else where it was seen last. */
export function addressOf(machine: Machine, leases: Pick<Leases, 'ofMac'>): string | undefined {
  const own = machine.macs.flatMap((mac) => leases.ofMac(mac)).filter(({ state }) => state === 'bound')
  const newest = own.reduce<(typeof own)[number] | undefined>(
    (best, lease) => (!best || lease.startedAt > best.startedAt ? lease : best),
    undefined,
  )
  return newest ? formatIpv4(newest.ip) : (machine.ip ?? machine.lastAddress ?? undefined)
}
