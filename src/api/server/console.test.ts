import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DUMB, openWorld, type World } from '../../../test/api/world.ts'
import { CONSOLE_CLOSE } from './console.ts'

let world: World
const sockets: WebSocket[] = []
beforeEach(async () => {
  world = await openWorld()
  await world.control.createMachine({ body: { name: 'alpha', macs: ['52:54:00:00:00:01'] } })
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.close()
  await world.close()
})

/** Opens the console; resolves to the socket and what it printed, or to `refused`. */
async function open(headers: Record<string, string>, machine = 'alpha', path = `/api/v1/machines/${machine}/console`) {
  const url = `${world.url.replace('http', 'ws')}${path}`
  // Node's WebSocket takes headers, which the standard's does not.
  const socket = new WebSocket(url, { headers } as unknown as string[])
  sockets.push(socket)
  socket.binaryType = 'arraybuffer'
  const seen = { text: '', code: 0 }
  socket.onmessage = ({ data }) => {
    seen.text += new TextDecoder().decode(data as ArrayBuffer)
  }
  socket.onclose = ({ code }) => {
    seen.code = code
  }
  return new Promise<{ socket: WebSocket; seen: typeof seen } | 'refused'>((resolve) => {
    socket.onopen = () => resolve({ socket, seen })
    socket.onerror = () => resolve('refused')
  })
}
const as = async (role: Parameters<World['as']>[0], scopes?: string[]) => ({
  authorization: `Bearer ${(await world.as(role, scopes)).token}`,
})

async function opened(headers: Record<string, string>) {
  const console = await open(headers)
  if (console === 'refused') throw new Error('the console was refused')
  return console
}

describe('the shell of the management OS', () => {
  const shell = async (headers: Record<string, string>, machine = 'alpha') =>
    open(headers, machine, `/api/v1/machines/${machine}/console?shell`)
  const audited = async () =>
    (await world.control.listAudit({ query: {} })).items.filter(({ action }) => action === 'machine.shell')

  test('is for operators alone, even to look at, and who opened it is in the audit log', async () => {
    for (const role of ['viewer', 'user'] as const) expect(await shell(await as(role)), role).toBe('refused')
    expect(await shell(await as('operator', ['console:read']))).toBe('refused')
    expect(await shell({})).toBe('refused')
    expect(await audited()).toEqual([])
    const opened = await shell(await as('operator'))
    if (opened === 'refused') throw new Error('the shell was refused')
    expect(await audited()).toMatchObject([{ who: 'operator-user', subject: 'alpha', outcome: 'ok' }])
    opened.socket.send(new TextEncoder().encode('ls\n'))
    await expect.poll(() => world.shell.typed).toBe('ls\n')
    expect(world.serial.typed).toBe('')
  })

  test('is refused where no management OS runs', async () => {
    await world.control.createMachine({ body: { name: 'dumb', macs: [DUMB] } })
    expect(await shell(await as('operator'), 'dumb')).toBe('refused')
  })
})

describe('the serial console', () => {
  test('is the only thing that a WebSocket is opened to: elsewhere nobody would ask for a login', async () => {
    for (const path of ['/', '/nowhere', '/healthz', '/boot/start.ipxe', '/api/v1/machines/alpha/console/x'])
      expect(await open({}, 'alpha', path), path).toBe('refused')
  })

  test('shows what was printed before, then what is printed now', async () => {
    const { seen } = await opened(await as('viewer'))
    await expect.poll(() => seen.text).toBe('booting\r\n')
    await expect.poll(() => world.serial.followers.size).toBe(1)
    world.serial.print('login: ')
    await expect.poll(() => seen.text).toBe('booting\r\nlogin: ')
  })

  test('takes what an operator types, and nothing of others', async () => {
    const viewer = await opened(await as('user'))
    viewer.socket.send(new TextEncoder().encode('reboot\n'))
    const scoped = await opened(await as('operator', ['console:read']))
    scoped.socket.send(new TextEncoder().encode('halt\n'))
    const operator = await opened(await as('operator'))
    operator.socket.send(new TextEncoder().encode('root\n'))
    await expect.poll(() => world.serial.typed).toBe('root\n')
  })

  test('needs a login, the scope, a machine and a console', async () => {
    expect(await open({})).toBe('refused')
    expect(await open(await as('viewer', ['machines:read']))).toBe('refused')
    expect(await open(await as('viewer'), 'nobody')).toBe('refused')
    await world.control.createMachine({ body: { name: 'dumb', macs: [DUMB] } })
    expect(await open(await as('viewer'), 'dumb')).toBe('refused')
  })

  test('with a cookie opens from our own pages alone', async () => {
    const cookie = await world.cookieOf('operator')
    expect(await open({ cookie })).toBe('refused')
    expect(await open({ cookie, origin: 'https://evil.example' })).toBe('refused')
    expect(await open({ cookie, origin: world.url })).not.toBe('refused')
  })

  test('ends for a disabled user, when it is gone, and leaves nothing behind', async () => {
    const before = world.events.listeners
    const { seen } = await opened(await as('viewer'))
    await expect.poll(() => world.serial.followers.size).toBe(1)
    await world.access.updateUser('viewer-user', { disabled: true })
    await expect.poll(() => seen.code).toBe(CONSOLE_CLOSE.ended)
    await expect.poll(() => world.serial.followers.size).toBe(0)
    const operator = await opened(await as('operator'))
    await expect.poll(() => world.serial.followers.size).toBe(1)
    for (const { ended } of world.serial.followers) ended()
    await expect.poll(() => operator.seen.code).toBe(CONSOLE_CLOSE.gone)
    expect(world.events.listeners).toBe(before)
  })

  test('ends with a reason for whoever comes when all places are taken', async () => {
    const viewer = await as('viewer')
    const all = await Promise.all(Array.from({ length: 65 }, () => opened(viewer)))
    await expect.poll(() => all.map(({ seen }) => seen.code).filter((code) => code !== 0)).toEqual([CONSOLE_CLOSE.gone])
  })

  test('is also a text to download', async () => {
    const { client } = await world.as('viewer')
    const log = await client.consoleLog({ params: { machine: 'alpha' } })
    expect(log.header('content-disposition')).toContain('attachment')
    log.cancel()
  })

  test('tells who looks, and finds what was printed', async () => {
    await opened(await as('operator'))
    await expect
      .poll(async () => (await world.control.listConsoles({ query: {} })).items)
      .toMatchObject([
        { name: 'alpha', source: 'lab', state: 'open', viewers: [{ who: 'operator-user', mayType: true }] },
      ])
    const count = async (q: string) => (await world.control.listConsoles({ query: { q } })).total
    expect([await count('ALPH'), await count('operator'), await count('beta')]).toEqual([1, 1, 0])
    const found = await world.control.searchConsole({ params: { machine: 'alpha' }, query: { q: 'BOOT' } })
    expect(found.items).toMatchObject([{ line: 'booting', offset: 0 }])
  })

  test('is forgotten by operators alone', async () => {
    const { client } = await world.as('user')
    await expect(client.forgetConsole({ params: { machine: 'alpha' } })).rejects.toMatchObject({ code: 'forbidden' })
    await world.control.forgetConsole({ params: { machine: 'alpha' } })
    expect((await world.control.listAudit({ query: {} })).items).toMatchObject([
      { action: 'console.forget', subject: 'alpha' },
      {},
      {},
    ])
  })
})

test('a plain request to the path is refused, not hung', async () => {
  const answer = await fetch(`${world.url}/api/v1/machines/alpha/console`, { headers: await as('viewer') })
  expect(answer.status).toBe(404)
})
