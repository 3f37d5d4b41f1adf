import type { Bmc, BmcEvent } from '../../bmc.ts'
import { MEDIA_TYPES } from '../media.ts'
import type { Json } from '../messages.ts'
import { collection, link, PATHS } from '../paths.ts'
import type { Machine } from './system.ts'

/** What a reset of the emulated BMC may be. It never touches the machine. */
export const MANAGER_RESET_TYPES = ['GracefulRestart', 'ForceRestart'] as const

export function managerDocument(machine: Machine, bmc: Bmc, now: number): Json {
  const path = PATHS.manager(machine.id)
  return {
    '@odata.id': path,
    '@odata.type': '#Manager.v1_11_0.Manager',
    Id: machine.id,
    Name: `Manager of ${machine.name}`,
    ManagerType: 'BMC',
    Manufacturer: 'Reveille',
    Model: 'Reveille BMC gateway',
    UUID: bmc.guid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    DateTime: new Date(now).toISOString().replace(/\.\d+/, ''),
    DateTimeLocalOffset: '+00:00',
    PowerState: 'On',
    Status: { State: 'Enabled', Health: 'OK' },
    // Serial over LAN is IPMI's.
    SerialConsole: { ServiceEnabled: true, MaxConcurrentSessions: 16, ConnectTypesSupported: ['IPMI'] },
    VirtualMedia: link(`${path}/VirtualMedia`),
    LogServices: link(`${path}/LogServices`),
    Links: {
      ManagerForServers: [link(PATHS.system(machine.id))],
      ManagerForChassis: [link(PATHS.oneChassis(machine.id))],
    },
    Actions: {
      '#Manager.Reset': {
        target: `${path}/Actions/Manager.Reset`,
        '@Redfish.ActionInfo': `${path}/ResetActionInfo`,
        'ResetType@Redfish.AllowableValues': MANAGER_RESET_TYPES,
      },
    },
  }
}

/** The one virtual drive. */
export const DRIVE = 'Cd'

export function mediaDocument(machine: Machine, image: string | null): Json {
  const path = `${PATHS.manager(machine.id)}/VirtualMedia/${DRIVE}`
  return {
    '@odata.id': path,
    '@odata.type': '#VirtualMedia.v1_5_0.VirtualMedia',
    Id: DRIVE,
    Name: 'Virtual CD',
    MediaTypes: MEDIA_TYPES,
    Image: image,
    ImageName: image === null ? null : (image.split(/[?#]/)[0]!.split('/').at(-1) ?? image),
    Inserted: image !== null,
    WriteProtected: true,
    ConnectedVia: image === null ? 'NotConnected' : 'URI',
    TransferMethod: 'Stream',
    Status: { State: 'Enabled', Health: 'OK' },
    Actions: {
      '#VirtualMedia.InsertMedia': {
        target: `${path}/Actions/VirtualMedia.InsertMedia`,
        'MediaType@Redfish.AllowableValues': MEDIA_TYPES,
        'TransferMethod@Redfish.AllowableValues': ['Stream'],
        'TransferProtocolType@Redfish.AllowableValues': ['HTTP', 'HTTPS'],
      },
      '#VirtualMedia.EjectMedia': { target: `${path}/Actions/VirtualMedia.EjectMedia` },
    },
  }
}

export const LOG = 'Sel'

/** `owner`: path of the system or manager that shows the log. */
export function logServices(owner: string): Json {
  return collection(`${owner}/LogServices`, 'LogServiceCollection', 'Log Services', [`${owner}/LogServices/${LOG}`])
}

export function logService(owner: string, now: number, most: number): Json {
  const path = `${owner}/LogServices/${LOG}`
  return {
    '@odata.id': path,
    '@odata.type': '#LogService.v1_2_0.LogService',
    Id: LOG,
    Name: 'System Event Log',
    LogEntryType: 'SEL',
    ServiceEnabled: true,
    MaxNumberOfRecords: most,
    OverWritePolicy: 'WrapsWhenFull',
    DateTime: new Date(now).toISOString().replace(/\.\d+/, ''),
    DateTimeLocalOffset: '+00:00',
    Entries: link(`${path}/Entries`),
    Actions: { '#LogService.ClearLog': { target: `${path}/Actions/LogService.ClearLog` } },
  }
}

/** The newest first, in full: clients of a collection of entries want the entries, not their links. */
export function logEntries(owner: string, events: readonly BmcEvent[]): Json {
  const path = `${owner}/LogServices/${LOG}/Entries`
  return {
    ...collection(path, 'LogEntryCollection', 'Log Entries', []),
    'Members@odata.count': events.length,
    Members: [...events].reverse().map((event) => logEntry(owner, event)),
  }
}

const SEVERITY = { ok: 'OK', warning: 'Warning', critical: 'Critical' } as const

export function logEntry(owner: string, event: BmcEvent): Json {
  return {
    '@odata.id': `${owner}/LogServices/${LOG}/Entries/${event.id}`,
    '@odata.type': '#LogEntry.v1_9_0.LogEntry',
    Id: String(event.id),
    Name: `Log Entry ${event.id}`,
    EntryType: 'Event',
    Severity: SEVERITY[event.severity],
    Created: new Date(event.at).toISOString(),
    Message: event.text,
  }
}
