import { accessRoutes } from './contract/access.ts'
import { backupRoutes } from './contract/backup.ts'
import { bmcRoutes } from './contract/bmcs.ts'
import { configRoutes } from './contract/configs.ts'
import { consoleRoutes } from './contract/consoles.ts'
import { deploymentRoutes } from './contract/deployments.ts'
import { imageRoutes } from './contract/images.ts'
import { iscsiRoutes } from './contract/iscsi.ts'
import { labRoutes } from './contract/lab.ts'
import { machineRoutes } from './contract/machines.ts'
import { maintenanceRoutes } from './contract/maintenance.ts'
import { powerRoutes } from './contract/power.ts'
import { profileRoutes } from './contract/profiles.ts'
import { roomRoutes } from './contract/rooms.ts'
import { serverRoutes } from './contract/server.ts'
import { storageRoutes } from './contract/storage.ts'
import { traceRoutes } from './contract/traces.ts'
import { volumeRoutes } from './contract/volumes.ts'

/** Every route of the API, once. The keys are the OpenAPI operation ids and the method names of the client. */
export const contract = {
  ...accessRoutes,
  ...machineRoutes,
  ...powerRoutes,
  ...bmcRoutes,
  ...traceRoutes,
  ...imageRoutes,
  ...profileRoutes,
  ...deploymentRoutes,
  ...volumeRoutes,
  ...iscsiRoutes,
  ...maintenanceRoutes,
  ...storageRoutes,
  ...roomRoutes,
  ...serverRoutes,
  ...backupRoutes,
  ...configRoutes,
  ...consoleRoutes,
  ...labRoutes,
} as const

export type Contract = typeof contract
export type OperationId = keyof Contract
