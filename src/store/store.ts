import { resolve } from 'node:path'
import type { AccessRepository } from '../access/repository.ts'
import type { ConfigRepository } from '../configs/config.ts'
import type { DeploymentRepository } from '../deployments/repository.ts'
import type { GatewayRepository } from '../gateway/bmc.ts'
import type { GuestRepository } from '../guests/guest.ts'
import type { ImageRepository } from '../images/repository.ts'
import type { MachineRepository } from '../machines/repository.ts'
import type { ManifestRepository } from '../manifest/belongings.ts'
import type { LeaseRepository } from '../networks/lease.ts'
import type { PowerRepository } from '../power/configured.ts'
import type { ProfileRepository } from '../profiles/repository.ts'
import type { BatchRepository } from '../rooms/batch.ts'
import type { TraceRepository } from '../traces/trace.ts'
import type { VolumeRepository } from '../volumes/repository.ts'
import { accessRepository } from './access.ts'
import { batchRepository } from './batches.ts'
import { configRepository } from './configs.ts'
import { deploymentRepository } from './deployments.ts'
import { lockDirectory, prepareDirectory } from './directory.ts'
import { gatewayRepository } from './gateway.ts'
import { openGround, type Where } from './ground.ts'
import { guestRepository } from './guest-access.ts'
import { imageRepository } from './images.ts'
import { machineRepository } from './machines.ts'
import { manifestRepository } from './manifests.ts'
import { powerRepository } from './power.ts'
import { profileRepository } from './profiles.ts'
import { finishRestore } from './restored.ts'
import { traceRepository } from './traces.ts'
import { volumeRepository } from './volumes.ts'

/** The repositories of one data directory, which belongs to this process until `close`. */
export type Store = Readonly<{
  machines: MachineRepository
  profiles: ProfileRepository
  images: ImageRepository
  deployments: DeploymentRepository
  volumes: VolumeRepository
  batches: BatchRepository
  guests: GuestRepository
  configs: ConfigRepository
  manifests: ManifestRepository
  power: PowerRepository
  gateway: GatewayRepository
  leases: LeaseRepository
  traces: TraceRepository
  access: AccessRepository
  /** Ends the database and gives the data directory free. Unfinished calls are waited for. Calling it twice is harmless. */
  close(): Promise<void>
}>

/**
 * Opens or makes a data directory. Refuses (`Refusal`) one that another process holds, that a newer Reveille has changed,
 * that is damaged, or that cannot be written; and a database that another Reveille has or that does not answer.
 */
export async function openStore(dataDir: string, where: Where): Promise<Store> {
  const dir = resolve(dataDir)
  prepareDirectory(dir)
  const lock = lockDirectory(dir)
  try {
    await finishRestore(dir)
    const ground = await openGround(dir, where)
    const { engine } = ground
    let closed: Promise<void> | undefined
    try {
      return {
        machines: machineRepository(engine.db),
        profiles: profileRepository(engine.db),
        images: imageRepository(engine.db),
        deployments: deploymentRepository(engine.db),
        volumes: volumeRepository(engine.db),
        batches: batchRepository(engine.db),
        guests: guestRepository(engine.db),
        configs: configRepository(engine.db),
        manifests: manifestRepository(engine.db),
        power: powerRepository(engine.db),
        gateway: gatewayRepository(engine.db),
        leases: ground.leases,
        traces: traceRepository(engine),
        access: await accessRepository(engine.db),
        close: () => (closed ??= ground.close().finally(() => lock.release())),
      }
    } catch (error) {
      await ground.close()
      throw error
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
