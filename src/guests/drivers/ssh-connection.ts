import { createHash } from 'node:crypto'
import ssh2, { type Client, type ClientChannel } from 'ssh2'
import { Refusal } from '../../kit/errors.ts'
import { EarlyBytes } from '../../power/early-bytes.ts'
import {
  type GuestCommand,
  type GuestConnection,
  type GuestConnector,
  type GuestOutcome,
  type GuestTarget,
  type GuestTerminal,
  LoginRefusal,
} from '../guest.ts'

/** Connection, key exchange and login together, in milliseconds. */
const LOGIN_MS = 15_000
const COMMAND_MS = 20_000
/** Most bytes that one command may print, both streams together. */
export const MOST_OUTPUT_BYTES = 256 * 1024

/** Most that waits for a program that does not read what is typed. */
export const MOST_UNREAD_BYTES = 64 * 1024

/** SHA256:... of a public host key, as OpenSSH prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`
}

/** A login that also runs programs in a terminal of 80 columns and 24 lines; it ends with the connection. */
export type SshConnection = GuestConnection & { terminal(command: string): Promise<GuestTerminal> }

type SshConnector = GuestConnector & { connect(target: GuestTarget, timeoutMs?: number): Promise<SshConnection> }

/** Logs in with the pure JavaScript of the ssh2 package. Reusable for anything that runs commands on a machine. */
export const sshConnector: SshConnector = {
  keyProblem(privateKey) {
    const parsed = ssh2.utils.parseKey(privateKey)
    const key = Array.isArray(parsed) ? parsed[0] : parsed
    if (key instanceof Error) {
      if (/encrypted|passphrase/i.test(key.message)) return 'it is protected by a passphrase; give one without'
      return 'it is no private key that is understood (OpenSSH or PEM)'
    }
    return key?.isPrivateKey() ? undefined : 'it is a public key; the private one is needed'
  },

  connect(target, timeoutMs = LOGIN_MS) {
    return new Promise((resolve, reject) => {
      const client = new ssh2.Client()
      let seen = ''
      let settled = false
      const fail = (refusal: Refusal) => {
        if (settled) return
        settled = true
        clearTimeout(deadline)
        client.destroy()
        reject(refusal)
      }
      const deadline = setTimeout(
        () => fail(unreachable(target, `no login within ${timeoutMs / 1000} seconds`)),
        timeoutMs,
      )
      // Errors may come at any time later, too: each command sees the end of its channel.
      client.on('error', (error) => fail(loginRefusal(target, seen, error)))
      client.on('close', () => fail(unreachable(target, 'it closed the connection')))
      client.on('ready', () => {
        if (settled) return
        settled = true
        clearTimeout(deadline)
        resolve(connectionOver(client, seen))
      })
      const { password, privateKey } = target.secret
      client.on('keyboard-interactive', (_name, _instructions, _language, prompts, finish) => {
        // Answered only where it is a password that is asked for: one hidden line.
        const asked = prompts.length === 1 && prompts[0]?.echo === false
        finish(asked && password ? [password.reveal()] : [])
      })
      try {
        client.connect({
          host: target.address,
          port: target.port,
          username: target.user,
          ...(password ? { password: password.reveal(), tryKeyboard: true } : {}),
          ...(privateKey ? { privateKey: privateKey.reveal() } : {}),
          hostVerifier: (key: Buffer) => {
            seen = fingerprint(key)
            return target.hostKey === null || target.hostKey === seen
          },
          readyTimeout: timeoutMs,
        })
      } catch {
        // What it says could name parts of the key.
        fail(
          new Refusal('not-available', 'the private key that is kept cannot be used', { next: 'set the access again' }),
        )
      }
    })
  },
}

function connectionOver(client: Client, hostKey: string): SshConnection {
  return {
    hostKey,
    run: (command, options) => runCommand(client, command, options),
    terminal: (command) => openTerminal(client, command),
    close: () => client.destroy(),
  }
}

function runCommand(client: Client, command: string, { input, timeoutMs = COMMAND_MS }: GuestCommand = {}) {
  return new Promise<GuestOutcome>((resolve, reject) => {
    const out: Buffer[] = []
    const err: Buffer[] = []
    let bytes = 0
    let code: number | null | undefined
    let ended = false
    let channel: ClientChannel | undefined
    const end = (result: () => void) => {
      if (ended) return
      ended = true
      clearTimeout(deadline)
      client.off('close', lost)
      channel?.close()
      result()
    }
    const outcome = (gone: boolean): GuestOutcome => ({
      code: code ?? null,
      lost: gone && code === undefined,
      stdout: Buffer.concat(out).toString('utf8'),
      stderr: Buffer.concat(err).toString('utf8'),
    })
    const lost = () => end(() => resolve(outcome(true)))
    const refuse = (refusal: Refusal) => end(() => reject(refusal))
    const deadline = setTimeout(
      () => refuse(new Refusal('not-available', `the system did not answer within ${timeoutMs / 1000} seconds`)),
      timeoutMs,
    )
    client.on('close', lost)
    const take = (into: Buffer[]) => (data: Buffer) => {
      bytes += data.length
      if (bytes <= MOST_OUTPUT_BYTES) into.push(data)
      else refuse(new Refusal('too-large', `the system printed more than ${MOST_OUTPUT_BYTES} bytes`))
    }
    const started = (error: Error | undefined, opened: ClientChannel) => {
      if (error)
        return refuse(new Refusal('not-available', `the system starts no command: ${error.message.slice(0, 200)}`))
      if (ended) return opened.close()
      channel = opened
      opened.on('data', take(out))
      opened.stderr.on('data', take(err))
      opened.on('exit', (status: number | null) => {
        code = status
      })
      // A channel that ends without a status is a connection that is being lost.
      opened.on('close', () => end(() => resolve(outcome(true))))
      opened.on('error', () => undefined)
      opened.end(input ?? '')
    }
    try {
      client.exec(command, started)
    } catch {
      lost()
    }
  })
}

function openTerminal(client: Client, command: string): Promise<GuestTerminal> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string) =>
      reject(
        new Refusal('not-available', `the system opens no terminal: ${why}`, {
          next: 'see what its SSH server allows',
        }),
      )
    const deadline = setTimeout(() => refuse(`it did not answer within ${COMMAND_MS / 1000} seconds`), COMMAND_MS)
    const lost = () => refuse('it closed the connection')
    client.once('close', lost)
    const opened = (error: Error | undefined, channel: ClientChannel) => {
      clearTimeout(deadline)
      client.off('close', lost)
      if (error) return refuse(error.message.slice(0, 200))
      const early = new EarlyBytes()
      let ended = 'the connection was lost'
      channel.on('data', (data: Buffer) => early.receive(data))
      channel.stderr.on('data', (data: Buffer) => early.receive(data))
      channel.on('exit', (status: number | null) => {
        ended = status === null ? 'a signal ended its program' : `its program ended with status ${status}`
      })
      channel.on('error', () => undefined)
      channel.on('close', () => early.end(ended))
      client.on('close', () => early.end('the connection was lost'))
      resolve({
        listen: (received, over) => early.listen(received, over),
        // What is typed while too much waits is left out, as at a line of a BMC.
        write: (bytes) => {
          if (channel.writableLength + bytes.length <= MOST_UNREAD_BYTES) channel.write(bytes)
        },
        close: () => {
          if (early.close()) channel.close()
        },
      })
    }
    try {
      client.exec(command, { pty: { term: 'vt100', cols: 80, rows: 24 } }, opened)
    } catch {
      clearTimeout(deadline)
      lost()
    }
  })
}

const place = ({ address, port }: GuestTarget) => `${address} port ${port}`

function unreachable(target: GuestTarget, why: string): Refusal {
  return new Refusal('not-available', `${place(target)} cannot be reached through SSH: ${why}`, {
    next: 'see that the machine runs, that its SSH server listens there, and that no firewall is between',
  })
}

/** What ssh2 says becomes a sentence for the user; none of it holds a secret. */
function loginRefusal(target: GuestTarget, seen: string, error: Error & { level?: string; code?: string }): Refusal {
  if (seen !== '' && target.hostKey !== null && target.hostKey !== seen)
    return new Refusal(
      'conflict',
      `${place(target)} shows the host key ${seen}, but ${target.hostKey} was expected: another system answers there, or it was installed anew`,
      { next: 'if that is right, set the access again with the new host key, or without one to learn it' },
    )
  if (error.level === 'client-authentication')
    return new LoginRefusal(
      'not-available',
      `${place(target)} refused the login of ${target.user}: wrong password or key`,
      {
        next: 'set the access again; its SSH server must allow this user and this way to log in',
      },
    )
  const words: Record<string, string> = {
    ECONNREFUSED: 'the connection was refused',
    EHOSTUNREACH: 'there is no way to that address',
    ENETUNREACH: 'there is no way to that network',
    ETIMEDOUT: 'it does not answer',
    ECONNRESET: 'it closed the connection',
  }
  return unreachable(target, words[error.code ?? ''] ?? error.message.replace(/\p{Cc}/gu, ' ').slice(0, 200))
}
