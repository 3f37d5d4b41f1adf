import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import * as accounts from './account-service.ts'
import type { Account } from './accounts.ts'
import { type Around, type Call, document, type RedfishRequest } from './call.ts'
import * as chassis from './chassis.ts'
import { accountService } from './documents/accounts.ts'
import * as parts from './documents/inventory.ts'
import { metadata, odataDocument, serviceRoot, sessionService } from './documents/root.ts'
import type { Login } from './login.ts'
import * as managers from './managers.ts'
import { Problem, problemAnswer, problemOf, type RedfishAnswer } from './messages.ts'
import { collection, PATHS, ROOT } from './paths.ts'
import * as systems from './systems.ts'

type Handler = (call: Call) => Promise<RedfishAnswer>
type Methods = Readonly<Partial<Record<'GET' | 'POST' | 'PATCH' | 'DELETE', Handler>>>
type Route = Readonly<{ parts: readonly string[]; methods: Methods }>

const systemLog = managers.logOf(PATHS.system)
const managerLog = managers.logOf(PATHS.manager)

const listed = (path: string, type: string, name: string, of: (machine: string) => string): Handler => {
  return async ({ account }) => {
    const members = account.memberships.map(({ backEnd }) => of(backEnd.machine.id))
    return document(collection(path, type, name, [...new Set(members)]))
  }
}

const LOG_ACTION = 'LogServices/{}/Actions/LogService.ClearLog'
const logRoutes = (under: string, log: ReturnType<typeof managers.logOf>): Readonly<Record<string, Methods>> => ({
  [`${under}/{}/LogServices`]: { GET: log.services },
  [`${under}/{}/LogServices/{}`]: { GET: log.service },
  [`${under}/{}/LogServices/{}/Entries`]: { GET: log.entries },
  [`${under}/{}/LogServices/{}/Entries/{}`]: { GET: log.entry },
  [`${under}/{}/${LOG_ACTION}`]: { POST: log.clear },
})

/** Every resource below the root for which one must be logged in; `{}` is a place for an id. */
const RESOURCES: Readonly<Record<string, Methods>> = {
  Systems: { GET: listed(PATHS.systems, 'ComputerSystemCollection', 'Systems', PATHS.system) },
  'Systems/{}': { GET: systems.getSystem, PATCH: systems.patchSystem },
  'Systems/{}/ResetActionInfo': { GET: systems.getSystemResetInfo },
  'Systems/{}/Actions/ComputerSystem.Reset': { POST: systems.resetSystem },
  'Systems/{}/Processors': { GET: systems.listedParts(parts.processors) },
  'Systems/{}/Processors/{}': { GET: systems.onePart(parts.processorDocument) },
  'Systems/{}/SimpleStorage': { GET: systems.listedParts(parts.storageCollection) },
  'Systems/{}/SimpleStorage/{}': { GET: systems.onePart(parts.storageDocument) },
  'Systems/{}/EthernetInterfaces': { GET: systems.getInterfaces },
  'Systems/{}/EthernetInterfaces/{}': { GET: systems.getInterface },
  ...logRoutes('Systems', systemLog),
  Managers: { GET: listed(PATHS.managers, 'ManagerCollection', 'Managers', PATHS.manager) },
  'Managers/{}': { GET: managers.getManager },
  'Managers/{}/ResetActionInfo': { GET: managers.getManagerResetInfo },
  'Managers/{}/Actions/Manager.Reset': { POST: managers.resetManager },
  'Managers/{}/VirtualMedia': { GET: managers.getDrives },
  'Managers/{}/VirtualMedia/{}': { GET: managers.getDrive, PATCH: managers.patchDrive },
  'Managers/{}/VirtualMedia/{}/Actions/VirtualMedia.InsertMedia': { POST: managers.insertMedia },
  'Managers/{}/VirtualMedia/{}/Actions/VirtualMedia.EjectMedia': { POST: managers.ejectMedia },
  ...logRoutes('Managers', managerLog),
  Chassis: { GET: listed(PATHS.chassis, 'ChassisCollection', 'Chassis', PATHS.oneChassis) },
  'Chassis/{}': { GET: chassis.getChassis, PATCH: chassis.patchChassis },
  'Chassis/{}/Thermal': { GET: chassis.getThermal },
  'Chassis/{}/Power': { GET: chassis.getPower },
  'Chassis/{}/Sensors': { GET: chassis.getSensors },
  'Chassis/{}/Sensors/{}': { GET: chassis.getSensor },
  SessionService: { GET: async () => document(sessionService(PATHS.sessions)) },
  'SessionService/Sessions': { GET: accounts.getSessions },
  'SessionService/Sessions/{}': { GET: accounts.getSession, DELETE: accounts.endSession },
  AccountService: { GET: async () => document(accountService()) },
  'AccountService/Accounts': { GET: accounts.getAccounts },
  'AccountService/Accounts/{}': { GET: accounts.getAccount, PATCH: accounts.patchAccount },
  'AccountService/Roles': { GET: accounts.getRoles },
  'AccountService/Roles/{}': { GET: accounts.getRole },
}

const ROUTES: readonly Route[] = Object.entries(RESOURCES).map(([path, methods]) => ({
  parts: path.split('/'),
  methods,
}))
const XML = { 'content-type': 'application/xml; charset=utf-8' }

/** What the service says to a request; never throws. The shell adds what every answer has. */
export class RedfishService {
  readonly #around: Around
  readonly #login: Login
  readonly #log: Log

  constructor(around: Around, login: Login, log: Log) {
    this.#around = around
    this.#login = login
    this.#log = log
  }

  async answer(request: RedfishRequest): Promise<RedfishAnswer> {
    try {
      return await this.#decide(request)
    } catch (error) {
      if (error instanceof Problem) return problemAnswer([error])
      if (error instanceof Refusal) return problemAnswer([problemOf(error)])
      const said = error instanceof Error ? error.stack : String(error)
      this.#log.error({ path: request.path.slice(0, 200), error: said }, 'a Redfish request failed')
      return problemAnswer([new Problem('InternalError')])
    }
  }

  async #decide(request: RedfishRequest): Promise<RedfishAnswer> {
    const path = request.path.replace(/\/+$/, '')
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const version = request.headers['odata-version']
    // DSP0266 §"OData-Version header"
    if (version !== undefined && version !== '4.0') throw new Problem('HeaderInvalid', ['OData-Version'])
    for (const name of request.query.keys())
      if (name.startsWith('$')) throw new Problem('QueryParameterUnsupported', [name])
    const open = this.#open(path, method)
    if (open) return open
    if (path === PATHS.sessions && method === 'POST') return this.#login.open(request)
    const given = path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1).split('/') : undefined
    const found = given && ROUTES.find((route) => matches(route, given))
    const known: { account: Account; session?: Call['session'] } = await this.#login.known(request)
    if (!given || !found) throw new Problem('ResourceMissingAtURI', [request.path])
    const handler = Object.hasOwn(found.methods, method) ? found.methods[method as keyof Methods] : undefined
    if (!handler) throw notAllowed(found.methods)
    const at = given.filter((_, index) => found.parts[index] === '{}')
    return handler({ around: this.#around, request: { ...request, path }, session: undefined, ...known, at })
  }

  /** What is there for everybody. */
  #open(path: string, method: string): RedfishAnswer | undefined {
    const body =
      path === '/redfish'
        ? { v1: `${ROOT}/` }
        : path === ROOT
          ? serviceRoot(this.#around.uuid)
          : path === `${ROOT}/odata`
            ? odataDocument()
            : path === `${ROOT}/$metadata`
              ? metadata()
              : undefined
    if (body === undefined) return undefined
    if (method !== 'GET') throw notAllowed({ GET: async () => document({}) })
    return { status: 200, headers: typeof body === 'string' ? XML : {}, body }
  }
}

function matches({ parts }: Route, given: readonly string[]): boolean {
  return (
    parts.length === given.length &&
    parts.every((part, index) => (part === '{}' ? given[index] !== '' : part === given[index]))
  )
}

function notAllowed(methods: Methods): Problem {
  const names = Object.keys(methods)
  if (names.includes('GET')) names.push('HEAD')
  return new Problem('OperationNotAllowed', [], { headers: { allow: names.join(', ') } })
}
