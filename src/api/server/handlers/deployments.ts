import { Refusal } from '../../../kit/errors.ts'
import type { HandlersOf } from '../call.ts'

export function deploymentHandlers() {
  const later = (): never => {
    throw new Refusal('not-available', 'deployments are not built yet')
  }
  return {
    createDeployment: later,
    planDeployment: later,
    listMachineDeployments: later,
    listDeployments: later,
    getDeployment: later,
    cancelDeployment: later,
    releaseDeployment: later,
    getDeploymentLog: later,
    getInventory: later,
    buildAgent: later,
    getAgent: later,
  } satisfies HandlersOf<
    | 'createDeployment'
    | 'planDeployment'
    | 'listMachineDeployments'
    | 'listDeployments'
    | 'getDeployment'
    | 'cancelDeployment'
    | 'releaseDeployment'
    | 'getDeploymentLog'
    | 'getInventory'
    | 'buildAgent'
    | 'getAgent'
  >
}
