import { describe } from 'vitest'
import { accessSuite } from './access.ts'
import { configSuite } from './configs.ts'
import { deploymentSuite } from './deployments.ts'
import type { StoreEngine } from './engines.ts'
import { imageAndVolumeSuite } from './images-and-volumes.ts'
import { leaseAndTraceSuite } from './leases-and-traces.ts'
import { machineAndProfileSuite } from './machines-and-profiles.ts'
import { powerAndBmcSuite } from './power-and-bmcs.ts'

/** What every store must do, whatever it stands on. */
export function storeSuite(engine: StoreEngine): void {
  describe(`${engine.name} keeps`, () => {
    accessSuite(engine)
    configSuite(engine)
    deploymentSuite(engine)
    imageAndVolumeSuite(engine)
    leaseAndTraceSuite(engine)
    machineAndProfileSuite(engine)
    powerAndBmcSuite(engine)
  })
}
