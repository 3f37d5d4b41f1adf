import { createServer } from 'node:net'
import { type Connection, Server, type ServerChannel, utils } from 'ssh2'
import { afterEach, describe, expect, test } from 'vitest'
import { Secret } from '../../kit/secret.ts'
import type { GuestTarget } from '../guest.ts'
import {
  fingerprint,
  MOST_OUTPUT_BYTES,
  MOST_UNREAD_BYTES,
  type SshConnection,
  sshConnector,
} from './ssh-connection.ts'

const HOST = utils.generateKeyPairSync('ed25519')
const USER = utils.generateKeyPairSync('ed25519')
const PASSWORD = 'correct horse'
const hostKey = fingerprint((utils.parseKey(HOST.public) as { getPublicSSH(): Buffer }).getPublicSSH())

const open: { close(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.close()
})

/** The server of the ssh2 package: a login by password or by key, and commands as `answer` says. */
async function guest(
  answer: (command: string, channel: ServerChannel, client: Connection) => void,
  interactive = false,
) {
  const server = new Server({ hostKeys: [HOST.private] }, (client) => {
    client.on('error', () => undefined)
    client.on('authentication', (context) => {
      if (context.method === 'password' && !interactive && context.password === PASSWORD) return context.accept()
      if (context.method === 'publickey') return context.accept()
      if (context.method === 'keyboard-interactive' && interactive)
        return context.prompt([{ prompt: 'Password: ', echo: false }], (words) =>
          words[0] === PASSWORD ? context.accept() : context.reject(),
        )
      context.reject(interactive ? ['keyboard-interactive'] : ['password', 'publickey'])
    })
    client.on('session', (accept) => {
      const session = accept()
      session.on('pty', (grant) => grant())
      session.on('exec', (take, _refuse, { command }) => answer(command, take(), client))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  return (server.address() as { port: number }).port
}

function target(port: number, more: Partial<GuestTarget> = {}): GuestTarget {
  return {
    address: '127.0.0.1',
    port,
    user: 'reveille',
    hostKey: null,
    secret: { password: new Secret(PASSWORD), privateKey: null },
    ...more,
  }
}

describe('a login', () => {
  test('by password learns the host key; input, output, errors and status come through', async () => {
    const port = await guest((command, channel) => {
      channel.on('data', (data: Buffer) => {
        channel.write(`${command}: ${data}`)
        channel.stderr.write('hm')
        channel.exit(3)
        channel.end()
      })
    })
    const connection = await sshConnector.connect(target(port))
    try {
      expect(connection.hostKey).toBe(hostKey)
      expect(await connection.run('say', { input: 'ü' })).toEqual({
        code: 3,
        lost: false,
        stdout: 'say: ü',
        stderr: 'hm',
      })
    } finally {
      connection.close()
    }
  })

  test('by keyboard-interactive and by key works too', async () => {
    const answer = (_: string, channel: ServerChannel) => {
      channel.exit(0)
      channel.end()
    }
    const interactive = await sshConnector.connect(target(await guest(answer, true)))
    expect((await interactive.run('x')).code).toBe(0)
    interactive.close()
    const secret = { password: null, privateKey: new Secret(USER.private) }
    const byKey = await sshConnector.connect(target(await guest(answer), { secret, hostKey }))
    expect((await byKey.run('x')).code).toBe(0)
    byKey.close()
  })

  test('with a wrong password is refused without naming it', async () => {
    const port = await guest(() => undefined)
    const secret = { password: new Secret('hunter2-wrong'), privateKey: null }
    const failure = sshConnector.connect(target(port, { secret }))
    await expect(failure).rejects.toThrow('refused the login of reveille: wrong password or key')
    await expect(failure).rejects.not.toThrow('hunter2')
  })

  test('ends at a host key that is not the pinned one, naming both, before any secret is sent', async () => {
    const other = `SHA256:${'A'.repeat(43)}`
    const failure = sshConnector.connect(target(await guest(() => undefined), { hostKey: other }))
    await expect(failure).rejects.toMatchObject({
      code: 'conflict',
      next: expect.stringContaining('set the access again'),
    })
    await expect(failure).rejects.toThrow(hostKey)
    await expect(failure).rejects.toThrow(other)
  })

  test('where nobody listens, or nobody speaks, is refused in time', async () => {
    const silent = createServer(() => undefined)
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
    const { port } = silent.address() as { port: number }
    await expect(sshConnector.connect(target(port), 300)).rejects.toThrow('no login within 0.3 seconds')
    silent.close()
    await expect(sshConnector.connect(target(port))).rejects.toThrow('the connection was refused')
  })
})

describe('a command', () => {
  test('whose connection is lost says so, with what was printed', async () => {
    const port = await guest((_command, channel, client) => {
      channel.write('accepted\n')
      setTimeout(() => client.end(), 50)
    })
    const connection = await sshConnector.connect(target(port))
    expect(await connection.run('reboot')).toEqual({ code: null, lost: true, stdout: 'accepted\n', stderr: '' })
    connection.close()
  })

  test('that hangs or floods is ended', async () => {
    const port = await guest((command, channel) => {
      if (command === 'flood') channel.write(Buffer.alloc(MOST_OUTPUT_BYTES + 1))
    })
    const connection = await sshConnector.connect(target(port))
    await expect(connection.run('hang', { timeoutMs: 200 })).rejects.toThrow('did not answer within 0.2 seconds')
    await expect(connection.run('flood')).rejects.toMatchObject({ code: 'too-large' })
    connection.close()
  })
})

test('a terminal whose program reads nothing keeps a bounded part of what is typed, and goes on afterwards', async () => {
  let channel: ServerChannel | undefined
  const port = await guest((_command, opened) => {
    channel = opened
  })
  const connection = (await sshConnector.connect(target(port))) as SshConnection
  const terminal = await connection.terminal('cat')
  // ssh2 lets 2 MiB go before the far side must take some.
  const window = 2 * 1024 * 1024
  for (let sent = 0; sent < 4 * window; sent += 32_768) terminal.write(new Uint8Array(32_768).fill(0x61))
  let got = 0
  let last = ''
  channel!.on('data', (data: Buffer) => {
    got += data.length
    last = data.subarray(-1).toString()
  })
  await expect.poll(() => got, { timeout: 30_000 }).toBeGreaterThan(0)
  await expect
    .poll(
      () => {
        terminal.write(new Uint8Array([0x21]))
        return last
      },
      { timeout: 30_000 },
    )
    .toBe('!')
  expect(got).toBeLessThan(window + 2 * MOST_UNREAD_BYTES)
  connection.close()
})

test('keys are checked before they are kept', () => {
  expect(sshConnector.keyProblem(USER.private)).toBeUndefined()
  expect(sshConnector.keyProblem(USER.public)).toContain('public key')
  expect(sshConnector.keyProblem('nonsense')).toContain('no private key')
  const locked = utils.generateKeyPairSync('ed25519', { passphrase: 'p', cipher: 'aes256-cbc', rounds: 16 })
  expect(sshConnector.keyProblem(locked.private)).toContain('passphrase')
})
