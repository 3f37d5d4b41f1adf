import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { Lab } from '../lab/lab.ts'
import { buildLabLinux } from '../lab/linux.ts'
import { labNetworkSettings } from '../lab/network.ts'
import { offerLabLinux } from '../lab/offer.ts'
import type { Domain, Surroundings } from './domain.ts'
import type { openManagement } from './management.ts'

type Built = ReturnType<typeof openManagement>

/** The lab, with its small Linux and the management OS for its machines. */
export function openLab(
  { config, dataDir, events, clock, log }: Surroundings,
  { images, profiles }: Domain,
  built: Built,
): Promise<Lab> {
  return Lab.open({
    config,
    clock,
    log,
    events,
    buildLinux: () => buildLabLinux({ cacheDir: join(dataDir, 'lab-linux'), log, packages: built.packages }),
    offerLinux: async (bundle) => {
      await offerLabLinux({ images, profiles }, bundle)
      // Lab machines that come up now may well be deployed next.
      built.buildInBackground()
    },
  })
}

/** Builds the lab's network; where it cannot be, the server runs without and the lab's status says why. */
export async function wireLab(lab: Lab, config: Config, log: Log) {
  try {
    await lab.prepareNetwork()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    log.warn({ reason: error.message, next: error.next }, 'the lab does not work here')
    return undefined
  }
  const { mode } = await lab.status()
  return mode === 'bridge' ? labNetworkSettings(config) : undefined
}
