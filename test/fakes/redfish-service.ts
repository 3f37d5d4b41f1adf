import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Asked = Readonly<{ method: string; path: string; headers: IncomingHttpHeaders; body: string }>
export type Said = Readonly<{
  status?: number
  headers?: Record<string, string>
  body?: unknown
  raw?: string
  afterMs?: number
  hangUp?: boolean
}>
type Document = Record<string, unknown>

const SYSTEM = '/redfish/v1/Systems/1'

/**
 * A Redfish service of a vendor that does not exist, over plain HTTP: it keeps documents, and `before` can answer anything in its
 * place, which is where its faults are.
 */
export async function redfishService() {
  const documents: Record<string, Document> = {
    '/redfish/v1': { RedfishVersion: '1.6.0', Systems: { '@odata.id': '/redfish/v1/Systems' } },
    '/redfish/v1/Systems': { Members: [{ '@odata.id': SYSTEM }] },
    [SYSTEM]: {
      Id: '1',
      Manufacturer: 'Acme',
      Model: 'Anvil',
      SerialNumber: 'A1',
      PowerState: 'On',
      IndicatorLED: 'Off',
      Boot: {
        BootSourceOverrideEnabled: 'Disabled',
        BootSourceOverrideTarget: 'None',
        BootSourceOverrideMode: 'Legacy',
        'BootSourceOverrideTarget@Redfish.AllowableValues': ['None', 'Pxe', 'Hdd', 'Cd'],
      },
      Actions: {
        '#ComputerSystem.Reset': {
          target: `${SYSTEM}/Actions/ComputerSystem.Reset`,
          'ResetType@Redfish.AllowableValues': ['On', 'ForceOff', 'GracefulShutdown', 'ForceRestart', 'Nmi'],
        },
      },
      Links: {
        ManagedBy: [{ '@odata.id': '/redfish/v1/Managers/1' }],
        Chassis: [{ '@odata.id': '/redfish/v1/Chassis/1' }],
      },
    },
    '/redfish/v1/Managers/1': { VirtualMedia: { '@odata.id': '/redfish/v1/Managers/1/VirtualMedia' } },
    '/redfish/v1/Managers/1/VirtualMedia': {
      Members: [
        { '@odata.id': '/redfish/v1/Managers/1/VirtualMedia/Usb' },
        { '@odata.id': '/redfish/v1/Managers/1/VirtualMedia/Cd' },
      ],
    },
    '/redfish/v1/Managers/1/VirtualMedia/Usb': { MediaTypes: ['USBStick'], Inserted: false },
    '/redfish/v1/Managers/1/VirtualMedia/Cd': {
      MediaTypes: ['CD'],
      Inserted: false,
      Image: null,
      Actions: {
        '#VirtualMedia.InsertMedia': {
          target: '/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.InsertMedia',
        },
        '#VirtualMedia.EjectMedia': {
          target: '/redfish/v1/Managers/1/VirtualMedia/Cd/Actions/VirtualMedia.EjectMedia',
        },
      },
    },
    '/redfish/v1/Chassis/1': { SerialNumber: 'C1' },
  }
  const asked: Asked[] = []
  const world = {
    documents,
    asked,
    system: documents[SYSTEM]!,
    before: (_asked: Asked): Said | undefined => undefined,
    etags: {} as Record<string, string>,
    url: '',
    stop: async () => {},
  }

  const usual = ({ method, path, body }: Asked): Said => {
    const at = path.replace(/\/$/, '')
    const given = (body === '' ? {} : JSON.parse(body)) as Document
    const document = documents[at]
    if (method === 'GET' && document)
      return { body: document, headers: world.etags[at] === undefined ? {} : { etag: world.etags[at] } }
    if (method === 'PATCH' && document) {
      for (const [name, value] of Object.entries(given))
        document[name] =
          typeof value === 'object' && value !== null ? { ...(document[name] as Document), ...value } : value
      return { status: 204 }
    }
    if (method === 'POST' && at.endsWith('ComputerSystem.Reset')) {
      const type = String(given.ResetType)
      world.system.PowerState = type === 'ForceOff' || type === 'GracefulShutdown' ? 'Off' : 'On'
      return { status: 204 }
    }
    const drive = documents['/redfish/v1/Managers/1/VirtualMedia/Cd']!
    if (method === 'POST' && at.endsWith('InsertMedia')) {
      Object.assign(drive, { Image: given.Image, Inserted: true })
      return { status: 204 }
    }
    if (method === 'POST' && at.endsWith('EjectMedia')) {
      Object.assign(drive, { Image: null, Inserted: false })
      return { status: 204 }
    }
    return { status: 404 }
  }

  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(pieces).toString(),
      }
      asked.push(one)
      const { status = 200, headers = {}, body, raw, afterMs = 0, hangUp } = world.before(one) ?? usual(one)
      if (hangUp) return request.socket.destroy()
      setTimeout(() => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers })
        response.end(raw ?? (body === undefined ? undefined : JSON.stringify(body)))
      }, afterMs)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  world.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  world.stop = () =>
    new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return world
}

/** What a vendor says with status 400. */
export const refusal = (message: string): Said => ({
  status: 400,
  body: { error: { code: 'Base.1.0.GeneralError', '@Message.ExtendedInfo': [{ Message: message }] } },
})
