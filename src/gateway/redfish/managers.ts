import { backEndOf, bodyOf, type Call, callerOf, checkIfMatch, document, NOTHING, tagged } from './call.ts'
import {
  DRIVE,
  LOG,
  logEntries,
  logEntry,
  logService,
  logServices,
  MANAGER_RESET_TYPES,
  managerDocument,
  mediaDocument,
} from './documents/manager.ts'
import { resetActionInfo } from './documents/system.ts'
import { readInsert, readMediaPatch } from './media.ts'
import { Problem, type RedfishAnswer } from './messages.ts'
import { collection, PATHS } from './paths.ts'
import { readReset } from './reset.ts'

export async function getManager(call: Call): Promise<RedfishAnswer> {
  const { machine, bmc } = backEndOf(call)
  return document(managerDocument(machine, bmc, call.around.now()))
}

/** Resets the emulated BMC and never the machine: its sessions end, what is ordered stays. */
export async function resetManager(call: Call): Promise<RedfishAnswer> {
  const backEnd = backEndOf(call, 'administrator')
  const type = readReset(bodyOf(call), 'Manager.Reset', MANAGER_RESET_TYPES)
  await backEnd.record({
    kind: 'other',
    severity: 'ok',
    text: `${call.account.name} reset the BMC by Redfish (${type})`,
  })
  call.around.sessions.endOf(backEnd.machine.id)
  return NOTHING
}

export async function getManagerResetInfo(call: Call): Promise<RedfishAnswer> {
  return document(resetActionInfo(PATHS.manager(backEndOf(call).machine.id), MANAGER_RESET_TYPES))
}

export async function getDrives(call: Call): Promise<RedfishAnswer> {
  const path = `${PATHS.manager(backEndOf(call).machine.id)}/VirtualMedia`
  return document(collection(path, 'VirtualMediaCollection', 'Virtual Media', [`${path}/${DRIVE}`]))
}

/** The back end, if the path names the drive that there is. */
function driveOf(call: Call, needed: 'user' | 'operator' = 'user') {
  const backEnd = backEndOf(call, needed)
  if (call.at[1] !== DRIVE) throw new Problem('ResourceMissingAtURI', [call.request.path])
  return backEnd
}

export async function getDrive(call: Call): Promise<RedfishAnswer> {
  const backEnd = driveOf(call)
  return tagged(mediaDocument(backEnd.machine, backEnd.media()), backEnd.media())
}

export async function patchDrive(call: Call): Promise<RedfishAnswer> {
  const backEnd = driveOf(call, 'operator')
  checkIfMatch(call, backEnd.media())
  await backEnd.setMedia(readMediaPatch(bodyOf(call)), callerOf(call))
  return getDrive(call)
}

export async function insertMedia(call: Call): Promise<RedfishAnswer> {
  const backEnd = driveOf(call, 'operator')
  await backEnd.setMedia(readInsert(bodyOf(call)), callerOf(call))
  return NOTHING
}

export async function ejectMedia(call: Call): Promise<RedfishAnswer> {
  const backEnd = driveOf(call, 'operator')
  for (const name of bodyOf(call, 'fine').keys())
    throw new Problem('ActionParameterUnknown', ['VirtualMedia.EjectMedia', name], { property: `#/${name}` })
  await backEnd.setMedia(null, callerOf(call))
  return NOTHING
}

/** Systems and managers show the same log. */
export function logOf(owner: (machine: string) => string) {
  const pathOf = (call: Call) => owner(backEndOf(call).machine.id)
  const checked = (call: Call) => {
    if (call.at[1] !== LOG) throw new Problem('ResourceMissingAtURI', [call.request.path])
  }
  return {
    async services(call: Call): Promise<RedfishAnswer> {
      return document(logServices(pathOf(call)))
    },
    async service(call: Call): Promise<RedfishAnswer> {
      checked(call)
      return document(logService(pathOf(call), call.around.now(), call.around.events))
    },
    async entries(call: Call): Promise<RedfishAnswer> {
      checked(call)
      return document(logEntries(pathOf(call), await backEndOf(call).events()))
    },
    async entry(call: Call): Promise<RedfishAnswer> {
      checked(call)
      const event = (await backEndOf(call).events()).find(({ id }) => String(id) === call.at[2])
      if (!event) throw new Problem('ResourceMissingAtURI', [call.request.path])
      return document(logEntry(pathOf(call), event))
    },
    async clear(call: Call): Promise<RedfishAnswer> {
      checked(call)
      const backEnd = backEndOf(call, 'administrator')
      bodyOf(call, 'fine')
      await backEnd.clearEvents(callerOf(call))
      return NOTHING
    },
  }
}
