import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import { NET_FN, PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import { DEFAULT_ROUTES } from '../../routes.ts'
import type { CommandSet, Fallback } from '../command.ts'
import { refuse } from './answers.ts'
import { BOOT_OPTIONS } from './boot-options.ts'
import { CHANNEL } from './channel.ts'
import { CHASSIS } from './chassis.ts'
import { DEVICE_COMMANDS } from './device.ts'
import { FRU } from './fru.ts'
import { LAN } from './lan.ts'
import { MEDIA } from './media.ts'
import { PAYLOADS } from './payload.ts'
import { SENSOR_RECORDS } from './sdr.ts'
import { SEL } from './sel.ts'
import { SOL } from './sol.ts'
import { USERS } from './users.ts'

/**
 * What no command here covers goes to a real BMC behind, where the BMC's route `raw` names one. Groups (DCMI, PICMG, HPM) and
 * makers' commands too: a real BMC may know them. Only an administrator may: nobody here knows what they do.
 */
const PASSED_ON: Fallback = {
  privilege: PRIVILEGE_LEVEL.callback,
  run: async (request, { backEnd, session, by }) => {
    const isPassedOn = (backEnd.bmc.routes.raw ?? DEFAULT_ROUTES.raw) !== 'none'
    // Sessions are ours: a real BMC's would be those of our driver.
    const isOfSessions = request.netFn === NET_FN.application && request.command >= 0x38 && request.command <= 0x3f
    if (!isPassedOn || isOfSessions) refuse(COMPLETION.unknownCommand)
    if (session.privilege < PRIVILEGE_LEVEL.administrator) refuse(COMPLETION.insufficientPrivilege)
    return await backEnd.raw(request, by)
  },
}

/** Every command that an emulated BMC knows, but those of sessions. */
export const COMMANDS: CommandSet = {
  commands: [
    ...CHASSIS,
    ...BOOT_OPTIONS,
    ...SENSOR_RECORDS,
    ...DEVICE_COMMANDS,
    ...CHANNEL,
    ...USERS,
    ...PAYLOADS,
    ...FRU,
    ...SEL,
    ...LAN,
    ...SOL,
    ...MEDIA,
  ],
  fallback: PASSED_ON,
}
