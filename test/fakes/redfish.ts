import { Backoff } from '../../src/access/backoff.ts'
import type { RedfishRequest } from '../../src/gateway/redfish/call.ts'
import { Login } from '../../src/gateway/redfish/login.ts'
import { Remembered } from '../../src/gateway/redfish/remembered.ts'
import { RedfishService } from '../../src/gateway/redfish/service.ts'
import { RedfishSessions } from '../../src/gateway/redfish/sessions.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Inventory } from '../../src/machines/inventory.ts'
import { FakeBmc, FakeDirectory } from './bmc.ts'

export type Asking = Partial<Omit<RedfishRequest, 'body'>> & { as?: string; token?: string; body?: unknown }

/** The Redfish service without network, for two machines; `ask` is one request, as `admin` of the first if nothing is said. */
export function redfishWorld() {
  const clock = new ManualClock()
  const one = new FakeBmc({ machine: 'm-1' }, { name: 'node1', macs: ['52:54:00:00:00:01', '52:54:00:00:00:02'] })
  const two = new FakeBmc({ machine: 'm-2' }, { name: 'node2' })
  two.passwords.set('admin', 'another-secret')
  const directory = new FakeDirectory([one, two])
  const inventories = new Map<string, Inventory>()
  const around = {
    directory,
    sessions: new RedfishSessions(directory, clock),
    remembered: new Remembered(),
    now: () => clock.now(),
    inventory: async (machine: string) => inventories.get(machine),
    uuid: '00000000-0000-5000-8000-000000000000',
    events: 512,
  }
  const backoff = new Backoff(clock, {
    free: 5,
    firstWaitMs: 1000,
    longestWaitMs: 60_000,
    forgetMs: 600_000,
    keys: 100,
  })
  const service = new RedfishService(around, new Login(around, [], backoff), SILENT)
  const ask = async (method: string, path: string, asking: Asking = {}) => {
    const { as = 'admin:secret', token, body, headers = {}, ...more } = asking
    const [bare = '', query] = path.split('?')
    const basic: Record<string, string> =
      as === '' ? {} : { authorization: `Basic ${Buffer.from(as).toString('base64')}` }
    const answer = await service.answer({
      method,
      path: bare,
      query: new URLSearchParams(query),
      address: '192.0.2.1',
      body: body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body),
      headers: { ...(token === undefined ? basic : { 'x-auth-token': token }), ...headers },
      ...more,
    })
    // biome-ignore lint/suspicious/noExplicitAny: documents are looked into
    return { status: answer.status, headers: answer.headers, body: answer.body as any }
  }
  return { clock, one, two, directory, service, ask, inventories }
}

export const SYSTEM = '/redfish/v1/Systems/m-1'

export const messagesOf = (answer: { body: { error: { '@Message.ExtendedInfo': { MessageId: string }[] } } }) =>
  answer.body.error['@Message.ExtendedInfo'].map(({ MessageId }) => MessageId)

/** What the management OS might find. */
export const INVENTORY: Inventory = {
  firmware: 'uefi',
  secureBoot: false,
  smbios: {
    manufacturer: 'Acme',
    product: 'Anvil',
    serial: 'A1',
    uuid: null,
    biosVersion: '1.2',
    biosDate: null,
    board: null,
  },
  cpu: { model: 'Acme CPU', sockets: 2, cores: 8, threads: 16, architecture: 'x86_64' },
  memoryBytes: 32 * 2 ** 30,
  nics: [],
  disks: [
    {
      name: 'sda',
      serial: 'D1',
      wwn: null,
      model: 'Disk',
      firmware: null,
      bytes: 500_000_000_000,
      logicalBlockBytes: 512,
      rotational: false,
      transport: 'sata',
      removable: false,
      readOnly: false,
      byPath: null,
      table: null,
      tableId: null,
      partitions: [],
      filesystem: null,
      fingerprint: null,
      health: null,
      problem: null,
    },
  ],
  ipmi: false,
  bootEntries: [],
}
