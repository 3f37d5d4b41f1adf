import { hashPassword, setVolumePassword } from '../guests/drivers/volume-password.ts'
import type { OfflineDisk } from '../guests/guest.ts'
import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { Machines } from '../machines/machines.ts'
import type { Volume } from '../volumes/volume.ts'
import type { Disks } from './disks.ts'

type Around = Readonly<{ disks: Pick<Disks, 'volumes' | 'diskless'>; machines: Machines; clock: Clock; log: Log }>

/** Sets passwords in the system disks of diskless machines that are off. */
export function offlinePassword({ disks, machines, clock, log }: Around): OfflineDisk {
  const { volumes, diskless } = disks
  return async (id, { user, password }) => {
    const machine = machines.get(id)
    if (!machine) throw new Refusal('not-found', 'there is no such machine')
    const { name, profile } = machine
    const own = volumes.ledger.overlaysOf(id).filter(({ use }) => use.kind === 'overlay' && use.lun === 0)
    const chosen = own.find(({ use }) => use.kind === 'overlay' && use.profile === profile) ?? newest(own)
    if (!chosen)
      throw new Refusal('not-available', `${name} has no diskless system disk yet`, { next: 'let it boot once first' })
    if (diskless.policyOf(chosen) === 'reset-at-boot')
      throw new Refusal('wrong-state', `what is written to ${chosen.name} is dropped at the next boot of ${name}`, {
        next: 'change the image: boot one machine for maintenance, set the password there and publish it',
      })
    const hash = await hashPassword(password)
    await volumes.alone(chosen.id, async (volume) => {
      if (volume.condition === 'damaged' || volume.pending)
        throw new Refusal('wrong-state', `the volume ${volume.name} is damaged or being changed`)
      await volumes.targets.paused(volume, { kick: false }, async () => {
        const device = await volumes.pool.open(volume.id, { readOnly: false })
        try {
          await volumes.ledger.change(volume.id, { untouched: false })
          await setVolumePassword(device, { user }, hash, clock.now())
        } finally {
          await device.close()
        }
      })
    })
    log.info({ machine: id, volume: chosen.id, user }, 'password set in a volume')
  }
}

function newest(volumes: readonly Volume[]): Volume | undefined {
  return [...volumes].sort((a, b) => (b.lastAttachedAt ?? 0) - (a.lastAttachedAt ?? 0))[0]
}
