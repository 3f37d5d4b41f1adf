import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { httpFactory } from '../../../src/power/drivers/http/http.ts'
import { DriverSettings } from '../../../src/power/settings.ts'
import type { PowerBed } from '../power-driver-suite.ts'
import { Computer, MACHINE, secretsOf } from './computer.ts'

const TOKEN = 'kept-quiet-1234567890'
const USER = 'admin'

type Asked = Readonly<{
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: string
}>
type Answer = Readonly<{ status?: number; body?: unknown; headers?: Record<string, string> }>

export async function serve(answer: (asked: Asked) => Answer | undefined) {
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    const url = new URL(request.url ?? '/', 'http://x')
    const {
      status = 200,
      body,
      headers = {},
    } = answer({
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: Buffer.concat(pieces).toString('utf8'),
    }) ?? { status: 404, body: { error: 'no such thing' } }
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => void server.close() }
}

/** A service of the shape that the maker documents, with one computer. */
type Shape = Readonly<{
  preset: string
  base?: string
  user?: string
  variables?: Readonly<Record<string, string>>
  capabilities: PowerBed['capabilities']
  /** Whether a request shows who it is from. */
  allowed(asked: Asked): boolean
  answer(asked: Asked, computer: Computer, boot: { device: string }): Answer | undefined
  whileOff?: 'unknown'
  boots?: boolean
}>

const bearer = ({ headers }: Asked) => headers.authorization === `Bearer ${TOKEN}`
const basic = ({ headers }: Asked) =>
  headers.authorization === `Basic ${Buffer.from(`${USER}:${TOKEN}`).toString('base64')}`
const parsed = (body: string) => JSON.parse(body) as Record<string, unknown>

function switched(computer: Computer, on: boolean): void {
  if (on) computer.start()
  else computer.stop()
}

export const SHAPES: readonly Shape[] = [
  {
    preset: 'equinix-metal',
    base: '/metal/v1',
    variables: { device: '9b6e-1', ipxeUrl: 'http://10.0.0.1/boot?a=1&b="2"' },
    capabilities: ['state', 'on', 'off', 'cycle', 'reset', 'boot-device'],
    boots: true,
    allowed: ({ headers }) => headers['x-auth-token'] === TOKEN,
    answer({ method, path, body }, computer, boot) {
      if (path === '/metal/v1/devices/9b6e-1/actions' && method === 'POST') {
        const { type } = parsed(body)
        if (type === 'power_on') computer.start()
        else if (type === 'power_off') computer.stop()
        else if (type === 'reboot') computer.resets++
        else return { status: 422, body: { errors: [`${type} is not valid`] } }
        return { status: 202 }
      }
      if (path !== '/metal/v1/devices/9b6e-1') return undefined
      if (method === 'PUT') {
        const { always_pxe, ipxe_script_url } = parsed(body)
        if (always_pxe && ipxe_script_url !== this.variables!.ipxeUrl) return { status: 422 }
        boot.device = always_pxe ? 'pxe' : 'disk'
      }
      return { body: { id: '9b6e-1', state: computer.on ? 'active' : 'inactive' } }
    },
  },
  {
    preset: 'tasmota',
    user: USER,
    capabilities: ['state', 'on', 'off', 'cycle'],
    allowed: ({ query }) => query.get('user') === USER && query.get('password') === TOKEN,
    answer({ path, query }, computer) {
      const [command, word] = (query.get('cmnd') ?? '').split(' ')
      if (path !== '/cm' || command !== 'Power') return { body: { Command: 'Unknown' } }
      if (word) switched(computer, word === 'On')
      return { body: { POWER: computer.on ? 'ON' : 'OFF' } }
    },
  },
  {
    preset: 'tasmota-relay',
    user: USER,
    variables: { relay: '3' },
    capabilities: ['state', 'on', 'off', 'cycle'],
    allowed: ({ query }) => query.get('user') === USER && query.get('password') === TOKEN,
    answer({ path, query }, computer) {
      const [command, word] = (query.get('cmnd') ?? '').split(' ')
      if (path !== '/cm' || command !== 'Power3') return { body: { Command: 'Unknown' } }
      if (word) switched(computer, word === 'On')
      return { body: { POWER3: computer.on ? 'ON' : 'OFF' } }
    },
  },
  {
    preset: 'shelly-gen1',
    user: USER,
    capabilities: ['state', 'on', 'off', 'cycle'],
    allowed: basic,
    answer({ path, query }, computer) {
      if (path !== '/relay/0') return undefined
      const turn = query.get('turn')
      if (turn) switched(computer, turn === 'on')
      return { body: { ison: computer.on, has_timer: false } }
    },
  },
  {
    preset: 'shelly-gen2',
    capabilities: ['state', 'on', 'off', 'cycle'],
    allowed: () => true,
    answer({ path, query }, computer) {
      if (query.get('id') !== '0') return undefined
      if (path === '/rpc/Switch.GetStatus') return { body: { id: 0, output: computer.on } }
      if (path !== '/rpc/Switch.Set') return undefined
      const was_on = computer.on
      switched(computer, query.get('on') === 'true')
      return { body: { was_on } }
    },
  },
  {
    preset: 'homeassistant',
    variables: { entity: 'switch.rack_plug_3', domain: 'switch' },
    capabilities: ['state', 'on', 'off', 'cycle'],
    allowed: bearer,
    answer({ method, path, body }, computer) {
      if (path === '/api/states/switch.rack_plug_3')
        return { body: { entity_id: 'switch.rack_plug_3', state: computer.on ? 'on' : 'off' } }
      const turn = /^\/api\/services\/switch\/turn_(on|off)$/.exec(path)?.[1]
      if (!turn || method !== 'POST' || parsed(body).entity_id !== 'switch.rack_plug_3') return undefined
      switched(computer, turn === 'on')
      return { body: [] }
    },
  },
  {
    preset: 'hetzner-robot',
    user: USER,
    variables: { server: '321' },
    capabilities: ['cycle', 'reset'],
    allowed: basic,
    answer({ method, path, body, headers }, computer) {
      if (path !== '/reset/321' || method !== 'POST') return undefined
      if (headers['content-type'] !== 'application/x-www-form-urlencoded') return { status: 400 }
      const type = new URLSearchParams(body).get('type')
      if (type === 'hw') computer.resets++
      else if (type === 'sw') computer.starts++
      else return { status: 400, body: { error: { code: 'INVALID_INPUT' } } }
      return { body: { reset: { server_number: 321, type } } }
    },
  },
  {
    preset: 'hetzner-cloud',
    base: '/v1',
    variables: { server: '42' },
    capabilities: ['state', 'on', 'off', 'cycle', 'reset', 'soft'],
    allowed: bearer,
    answer({ method, path }, computer) {
      if (path === '/v1/servers/42') return { body: { server: { status: computer.on ? 'running' : 'off' } } }
      const action = /^\/v1\/servers\/42\/actions\/(\w+)$/.exec(path)?.[1]
      if (method !== 'POST') return undefined
      if (action === 'poweron') computer.start()
      else if (action === 'poweroff') computer.stop()
      else if (action === 'reset') computer.resets++
      else if (action === 'shutdown') computer.softs++
      else return undefined
      return { status: 201, body: { action: { status: 'running' } } }
    },
  },
  {
    preset: 'digitalocean',
    base: '/v2',
    variables: { droplet: '42' },
    capabilities: ['state', 'on', 'off', 'cycle', 'soft'],
    allowed: bearer,
    answer({ method, path, body }, computer) {
      if (path === '/v2/droplets/42') return { body: { droplet: { status: computer.on ? 'active' : 'off' } } }
      if (path !== '/v2/droplets/42/actions' || method !== 'POST') return undefined
      const { type } = parsed(body)
      if (type === 'power_on') computer.start()
      else if (type === 'power_off') computer.stop()
      else if (type === 'power_cycle') computer.starts++
      else if (type === 'shutdown') computer.softs++
      else return { status: 422 }
      return { status: 201, body: { action: { status: 'in-progress' } } }
    },
  },
  {
    preset: 'proxmox',
    base: '/api2/json',
    variables: { node: 'pve1', vm: '100' },
    capabilities: ['state', 'on', 'off', 'cycle', 'reset', 'soft'],
    allowed: ({ headers }) => headers.authorization === `PVEAPIToken=${TOKEN}`,
    answer({ method, path }, computer) {
      const [, what] = /^\/api2\/json\/nodes\/pve1\/qemu\/100\/status\/(\w+)$/.exec(path) ?? []
      if (what === 'current') return { body: { data: { status: computer.on ? 'running' : 'stopped' } } }
      if (method !== 'POST') return undefined
      if (what === 'start') computer.start()
      else if (what === 'stop') computer.stop()
      else if (what === 'reset') computer.resets++
      else if (what === 'shutdown') computer.softs++
      else return undefined
      return { body: { data: 'UPID:pve1:0000' } }
    },
  },
  {
    preset: 'ironic',
    variables: { node: 'alpha' },
    capabilities: ['state', 'on', 'off', 'cycle', 'soft', 'boot-device'],
    boots: true,
    allowed: ({ headers }) => headers['x-auth-token'] === TOKEN,
    answer({ method, path, body }, computer, boot) {
      if (path === '/v1/nodes/alpha/states')
        return { body: { power_state: computer.on ? 'power on' : 'power off', target_power_state: null } }
      if (method !== 'PUT') return undefined
      if (path === '/v1/nodes/alpha/management/boot_device') {
        boot.device = String(parsed(body).boot_device)
        return { status: 204 }
      }
      if (path !== '/v1/nodes/alpha/states/power') return undefined
      const { target } = parsed(body)
      if (target === 'power on') computer.start()
      else if (target === 'power off') computer.stop()
      else if (target === 'rebooting') computer.starts++
      else if (target === 'soft power off') computer.softs++
      else return { status: 400 }
      return { status: 202 }
    },
  },
]

export async function httpBed(shape: Shape): Promise<PowerBed> {
  const computer = new Computer()
  const boot = { device: '' }
  const { preset, base = '', user = '', variables = {} } = shape
  const server = await serve((asked) =>
    shape.allowed(asked) ? shape.answer(asked, computer, boot) : { status: 401, body: { error: 'who are you?' } },
  )
  const driver = (url: string, secret: string) =>
    httpFactory(
      DriverSettings.parse({ kind: 'http', url, preset, user, variables, pauseSeconds: 0 }),
      secretsOf(user === '' ? { token: secret } : { password: secret }),
      MACHINE,
    )
  const hasLogin = shape.preset !== 'shelly-gen2'
  return {
    driver: () => driver(server.url + base, TOKEN),
    capabilities: shape.capabilities,
    deeds: () => computer.deeds(),
    set: (on) => computer.set(on),
    // Without a state nothing proves a login but an action.
    ...(hasLogin && shape.capabilities.includes('state')
      ? { stranger: () => driver(server.url + base, 'wrong-and-secret') }
      : {}),
    // A port that nothing can listen on.
    unreachable: () => driver(`http://127.0.0.1:1${base}`, TOKEN),
    secrets: [TOKEN, 'wrong-and-secret', Buffer.from(`${USER}:${TOKEN}`).toString('base64')],
    ...(shape.boots ? { boot: { can: 'pxe', cannot: 'usb', seen: () => boot.device } as const } : {}),
    close: () => server.close(),
  }
}
