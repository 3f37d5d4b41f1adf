import type { Json } from '../messages.ts'
import { link, PATHS, ROOT } from '../paths.ts'
import { SESSION_TIMEOUT_S } from '../sessions.ts'

/** What may be read without logging in (DSP0266 §"Resources that do not require authentication"). */
export function serviceRoot(uuid: string): Json {
  return {
    '@odata.id': ROOT,
    '@odata.type': '#ServiceRoot.v1_9_0.ServiceRoot',
    Id: 'RootService',
    Name: 'Reveille',
    RedfishVersion: '1.15.0',
    UUID: uuid,
    Vendor: 'Reveille',
    Product: 'Reveille BMC gateway',
    ProtocolFeaturesSupported: {
      ExcerptQuery: false,
      FilterQuery: false,
      SelectQuery: false,
      OnlyMemberQuery: false,
      ExpandQuery: { ExpandAll: false, Levels: false, Links: false, NoLinks: false },
    },
    Systems: link(PATHS.systems),
    Managers: link(PATHS.managers),
    Chassis: link(PATHS.chassis),
    SessionService: link(PATHS.sessionService),
    AccountService: link(PATHS.accountService),
    Links: { Sessions: link(PATHS.sessions) },
  }
}

export function sessionService(sessions: string): Json {
  return {
    '@odata.id': PATHS.sessionService,
    '@odata.type': '#SessionService.v1_1_8.SessionService',
    Id: 'SessionService',
    Name: 'Session Service',
    ServiceEnabled: true,
    SessionTimeout: SESSION_TIMEOUT_S,
    Status: { State: 'Enabled', Health: 'OK' },
    Sessions: link(sessions),
  }
}

const SERVICES = ['Systems', 'Managers', 'Chassis', 'SessionService', 'AccountService'] as const

/** DSP0266 §"OData service document". */
export function odataDocument(): Json {
  return {
    '@odata.context': `${ROOT}/$metadata`,
    value: [
      { name: 'Service', kind: 'Singleton', url: ROOT },
      ...SERVICES.map((name) => ({ name, kind: 'Singleton', url: `${ROOT}/${name}` })),
      { name: 'Sessions', kind: 'Singleton', url: PATHS.sessions },
    ],
  }
}

const SCHEMAS = [
  'ServiceRoot',
  'ComputerSystemCollection',
  'ComputerSystem',
  'ManagerCollection',
  'Manager',
  'ChassisCollection',
  'Chassis',
  'Power',
  'Thermal',
  'SensorCollection',
  'Sensor',
  'VirtualMediaCollection',
  'VirtualMedia',
  'ProcessorCollection',
  'Processor',
  'SimpleStorageCollection',
  'SimpleStorage',
  'EthernetInterfaceCollection',
  'EthernetInterface',
  'LogServiceCollection',
  'LogService',
  'LogEntryCollection',
  'LogEntry',
  'SessionService',
  'SessionCollection',
  'Session',
  'AccountService',
  'ManagerAccountCollection',
  'ManagerAccount',
  'RoleCollection',
  'Role',
  'ActionInfo',
  'Message',
] as const

/** DSP0266 §"OData $metadata": the schemas are the DMTF's, named and not repeated. */
export function metadata(): string {
  const references = SCHEMAS.map(
    (name) =>
      `  <edmx:Reference Uri="http://redfish.dmtf.org/schemas/v1/${name}_v1.xml"><edmx:Include Namespace="${name}"/></edmx:Reference>`,
  )
  return `<?xml version="1.0" encoding="UTF-8"?>
<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.0">
${references.join('\n')}
  <edmx:DataServices>
    <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="Service">
      <EntityContainer Name="Service" Extends="ServiceRoot.v1_9_0.ServiceContainer"/>
    </Schema>
  </edmx:DataServices>
</edmx:Edmx>
`
}
