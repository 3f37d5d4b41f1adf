import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { ANN, DeploymentWorld, orderOf } from '../../../../test/fakes/deployment-world.ts'
import { ManualClock } from '../../../kit/clock.ts'
import { Secret } from '../../../kit/secret.ts'
import type { Notice } from '../../notice.ts'
import { WebAndMailNotifier } from './notifier.ts'
import { mayCall } from './targets.ts'

const servers: (Server | TcpServer)[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

async function listening<T extends Server | TcpServer>(server: T): Promise<number> {
  servers.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function noticeFor(notify: Notice['deployment']['notify']): Promise<Notice> {
  const world = await DeploymentWorld.open()
  const deployment = await world.deployments.create('m_1', orderOf({ notify }), ANN)
  return { deployment: await world.deployments.cancel(deployment.id, ANN), machine: 'node-1' }
}

const SECRET = new Secret('a key for webhooks')
const clock = new ManualClock()
const waits: number[] = []
const around = {
  secret: SECRET,
  mail: undefined,
  clock,
  sleep: async (ms: number) => void waits.push(ms),
  mayCall: () => true,
}

describe('webhooks', () => {
  test('get JSON that is signed with the time', async () => {
    const got: { headers: IncomingHttpHeaders; body: string }[] = []
    const port = await listening(
      createServer(async (request, response) => {
        const body = Buffer.concat(await request.toArray()).toString()
        got.push({ headers: request.headers, body })
        response.end('ok')
      }),
    )
    const notice = await noticeFor({ webhook: `http://127.0.0.1:${port}/hook?key=hush`, email: null })
    const said = await new WebAndMailNotifier(around).tell(notice)
    expect(said).toEqual([{ level: 'info', text: `the webhook at 127.0.0.1:${port} was told` }])
    const [{ headers, body }] = got as [(typeof got)[number]]
    expect(JSON.parse(body)).toMatchObject({
      machine: 'node-1',
      state: 'cancelled',
      profile: 'debian',
      orderedBy: 'ann',
    })
    const signed = `${headers['x-reveille-timestamp']}.${body}`
    const expected = createHmac('sha256', SECRET.reveal()).update(signed).digest('hex')
    expect(headers['x-reveille-signature']).toBe(`sha256=${expected}`)
    expect(Number(headers['x-reveille-timestamp'])).toBe(Math.floor(clock.now() / 1000))
  })

  test('are tried again while the other side fails, and given up at last, without a word of their path', async () => {
    waits.length = 0
    let asked = 0
    const port = await listening(createServer((_, response) => response.writeHead(++asked < 3 ? 503 : 200).end()))
    const notice = await noticeFor({ webhook: `http://127.0.0.1:${port}/hush`, email: null })
    expect(await new WebAndMailNotifier(around).tell(notice)).toMatchObject([{ level: 'info' }])
    expect(waits).toEqual([2000, 10_000])
    asked = -1000
    const [said] = await new WebAndMailNotifier(around).tell(notice)
    expect(said).toMatchObject({ level: 'warn', text: expect.stringMatching(/status 503/) })
    expect(said?.text).not.toContain('hush')
    expect(waits).toHaveLength(7)
  })

  test('are not tried again when refused, and do not follow to another place', async () => {
    waits.length = 0
    const port = await listening(createServer((_, response) => response.writeHead(302, { location: '/x' }).end()))
    const notice = await noticeFor({ webhook: `http://127.0.0.1:${port}/`, email: null })
    expect(await new WebAndMailNotifier(around).tell(notice)).toMatchObject([{ level: 'warn' }])
    expect(waits).toEqual([])
  })

  test('never reach this computer, link-local addresses or metadata, by whatever spelling', async () => {
    const own = { ...around, mayCall: undefined }
    const port = await listening(createServer((_, response) => response.end()))
    for (const host of [
      '127.0.0.1',
      'localhost',
      '[::1]',
      '2130706433',
      '0x7f.1',
      '[::ffff:127.0.0.1]',
      '169.254.169.254',
    ])
      expect(
        await new WebAndMailNotifier(own).tell(await noticeFor({ webhook: `http://${host}:${port}/`, email: null })),
      ).toMatchObject([{ level: 'warn', text: expect.stringMatching(/are not sent to/) }])
    const file = await noticeFor({ webhook: 'file:///etc/passwd', email: null })
    expect(await new WebAndMailNotifier(own).tell(file)).toMatchObject([{ level: 'warn' }])
    for (const address of ['10.0.0.1', '192.168.1.2', '203.0.113.9', '2001:db8::1', 'fd12::1'])
      expect(mayCall(address)).toBe(true)
    for (const address of [
      'fe80::1',
      '0.0.0.0',
      '224.0.0.1',
      '255.255.255.255',
      '::',
      '::ffff:169.254.169.254',
      'fd00:ec2::254',
      'x',
    ])
      expect(mayCall(address), address).toBe(false)
  })
})

describe('e-mail', () => {
  /** A mail server without encryption that keeps what it was told, as RFC 5321 has it. */
  async function mailServer(got: string[]): Promise<number> {
    return listening(
      createTcpServer((socket) => {
        let data = false
        let rest = ''
        socket.on('error', () => undefined)
        socket.write('220 mail.test\r\n')
        socket.on('data', (bytes) => {
          rest += bytes.toString()
          for (let end = rest.indexOf('\r\n'); end >= 0; end = rest.indexOf('\r\n')) {
            const line = rest.slice(0, end)
            rest = rest.slice(end + 2)
            got.push(line)
            if (data) {
              if (line === '.') socket.write('250 kept\r\n')
              data = line !== '.'
            } else if (line === 'DATA') {
              data = true
              socket.write('354 go on\r\n')
            } else if (line === 'STARTTLS') socket.write('502 not here\r\n')
            else if (line === 'QUIT') socket.end('221 bye\r\n')
            else
              socket.write(
                line.startsWith('EHLO')
                  ? '250-mail.test\r\n250 AUTH PLAIN\r\n'
                  : line.startsWith('AUTH')
                    ? '235 ok\r\n'
                    : '250 ok\r\n',
              )
          }
        })
      }),
    )
  }
  const notify = { webhook: null, email: 'ann@example.org' }

  test('says what ended and how, to whom it was asked for', async () => {
    const got: string[] = []
    const port = await mailServer(got)
    const mail = { host: '127.0.0.1', port, tls: 'none', from: 'reveille@example.org' } as const
    const said = await new WebAndMailNotifier({ ...around, mail }).tell(await noticeFor(notify))
    expect(said).toEqual([{ level: 'info', text: 'ann@example.org was told' }])
    expect(got).toContain('RCPT TO:<ann@example.org>')
    expect(got).toContain('Subject: node-1: debian cancelled')
    expect(got.join('\n')).toMatch(/ann cancelled it; no byte of a disk was changed/)
  })

  test('is not sent in the clear when the server offers no encryption, and the password stays here', async () => {
    waits.length = 0
    const got: string[] = []
    const port = await mailServer(got)
    const password = new Secret('hush hush')
    const mail = { host: '127.0.0.1', port, tls: 'starttls', user: 'u', password, from: 'r@example.org' } as const
    const said = await new WebAndMailNotifier({ ...around, mail }).tell(await noticeFor(notify))
    expect(said).toMatchObject([
      { level: 'warn', text: expect.stringMatching(/could not be told: the mail server said/) },
    ])
    expect(got.join('\n')).not.toMatch(/AUTH PLAIN .|RCPT|MAIL FROM/)
    expect(waits).toHaveLength(5)
  })

  test('without a mail server is a line in the log', async () => {
    expect(await new WebAndMailNotifier(around).tell(await noticeFor(notify))).toMatchObject([
      { level: 'warn', text: expect.stringMatching(/no mail server is set/) },
    ])
  })
})
