import type { Socket } from 'node:net'
import { SILENT } from '../../kit/log.ts'
import type { LoginStatus } from '../../protocols/iscsi/login-status.ts'
import { BHS_BYTES } from '../../protocols/iscsi/opcodes.ts'
import { putLoginResponse } from '../../protocols/iscsi/responses.ts'
import type { TextPair } from '../../protocols/iscsi/text.ts'
import type { Session, Target } from '../../volumes/engine.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { DiskServerOptions, FirstLogin } from './contract.ts'
import { decideLogin } from './decide.ts'
import { loginCmdSN, loginHeader } from './first-login.ts'
import { Memory } from './memory.ts'
import { TargetHost } from './target-host.ts'

const MEMORY_BYTES = 256 * 1024 * 1024
const KEEP_ALIVE_SECONDS = 15

/** Answers the first Login PDU with a refusal and closes. */
export function refuseLogin(socket: Socket, first: FirstLogin, status: LoginStatus): void {
  const request = loginHeader(first)
  const answer = Buffer.alloc(BHS_BYTES)
  const cmdSN = loginCmdSN(request, 0)
  const fields = { transit: false, stage: (request[1]! >> 2) & 3, next: 0, session: 0, status, dataBytes: 0 }
  putLoginResponse(answer, 0, { statSN: 0, expCmdSN: cmdSN, maxCmdSN: cmdSN }, request, fields)
  socket.on('error', () => {})
  socket.end(answer)
  socket.resume()
  const linger = setTimeout(() => socket.destroy(), 3000)
  linger.unref()
  socket.once('close', () => clearTimeout(linger))
}

/** TargetName and TargetAddress of each, as SendTargets answers (RFC 7143, appendix C). */
function listOf(targets: readonly string[], portal: string): TextPair[] {
  return targets.flatMap((iqn): TextPair[] => [
    ['TargetName', iqn],
    ['TargetAddress', `${portal},1`],
  ])
}

/** Discovery connections of a process share it: they need little. */
const discoveryMemory = new Memory(MEMORY_BYTES)

/** Serves a discovery session: login without proof, SendTargets, logout. `portal` as HOST:PORT, an address the initiator can reach. */
export function serveDiscovery(
  socket: Socket,
  first: FirstLogin,
  options: Readonly<{ targets: readonly string[]; portal: string }>,
): void {
  const { targets, portal } = options
  const owner: ConnectionOwner = {
    address: '',
    decide: () => ({ kind: 'discovery', targets, reason: '' }),
    admit: async () => ({ session: 1, luns: [] }),
    begun() {},
    text: (_login, pairs) => answerText(pairs, (value) => listOf(value === 'All' ? targets : [], portal)),
    manage: async () => 255,
    refused() {},
    ended() {},
  }
  new Connection(socket, owner, discoveryMemory, SILENT, KEEP_ALIVE_SECONDS).start(first.received)
}

/** Text requests outside the login: SendTargets (RFC 7143, appendix C). */
function answerText(pairs: readonly TextPair[], targets: (value: string) => TextPair[]): TextPair[] {
  return pairs.flatMap(([key, value]): TextPair[] => {
    if (key === 'SendTargets') return targets(value)
    return [[key, key.startsWith('X') ? 'NotUnderstood' : 'Reject']]
  })
}

/** Targets with their disks and sessions, in this process. Sockets come from outside: see `serve.ts` for a portal, or hand them over. */
export class DiskServer {
  readonly #options: DiskServerOptions
  readonly #memory: Memory
  readonly #hosts = new Map<string, TargetHost>()
  readonly #connections = new Set<Connection>()
  /** Changes of one target come one after the other. */
  readonly #changes = new Map<string, Promise<void>>()

  constructor(options: DiskServerOptions) {
    this.#options = options
    this.#memory = new Memory(options.memoryBytes ?? MEMORY_BYTES)
  }

  #change(iqn: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#changes.get(iqn) ?? Promise.resolve()).then(work)
    const settled = done.catch(() => {})
    this.#changes.set(iqn, settled)
    void settled.then(() => {
      if (this.#changes.get(iqn) === settled) this.#changes.delete(iqn)
    })
    return done
  }

  /** Creates the target, or makes it so; sessions that may not go on are ended. */
  apply(target: Target): Promise<void> {
    return this.#change(target.iqn, async () => {
      const host = this.#hosts.get(target.iqn)
      if (!host) {
        this.#hosts.set(target.iqn, new TargetHost(target, this.#options))
        return
      }
      await host.change(target, ({ initiator, address }) => {
        const facts = { initiator, address, target: target.iqn, sessionType: 'Normal' }
        return decideLogin(facts, new Map([[target.iqn, target]])).kind === 'normal'
      })
    })
  }

  /** Ends its sessions, flushes and closes its LUNs. */
  withdraw(iqn: string): Promise<void> {
    return this.#change(iqn, async () => {
      const host = this.#hosts.get(iqn)
      if (!host) return
      this.#hosts.delete(iqn)
      await host.close('the target was withdrawn')
    })
  }

  /**
   * Takes over a paused socket on which `received` was read (the first Login PDU in front). Unknown targets are refused. `address` is that of
   * the initiator (a handed-over socket may not know it any more).
   */
  serve(socket: Socket, received: Uint8Array, admission: Readonly<{ iqn: string; address: string }>): void {
    const host = this.#hosts.get(admission.iqn)
    const { address } = admission
    const portal = `${socket.localAddress ?? '0.0.0.0'}:${socket.localPort ?? 3260}`
    const owner: ConnectionOwner = {
      address,
      decide: (keys) => {
        const facts = {
          initiator: keys.get('InitiatorName') ?? null,
          target: keys.get('TargetName') ?? null,
          sessionType: keys.get('SessionType') ?? null,
          address,
        }
        return decideLogin(facts, new Map(host ? [[admission.iqn, host.target]] : []))
      },
      admit: (connection, login) => host!.admit(connection, login, address),
      begun: (connection, _login, session) => host!.begun(connection, session),
      text: (login, pairs) =>
        answerText(pairs, (value) => {
          const own = login.target === undefined || (value !== '' && value !== login.target) ? [] : [login.target]
          return listOf(own, portal)
        }),
      manage: (session, lun, func, tag, cmdSN) => host!.manage(session, lun, func, tag, cmdSN),
      refused: (names, reason) =>
        this.#options.report({
          ...names,
          target: names.target || admission.iqn,
          address,
          outcome: 'refused',
          detail: reason,
        }),
      ended: (connection, reason) => {
        this.#connections.delete(connection)
        host?.ended(connection, reason)
      },
    }
    const seconds = this.#options.keepAliveSeconds ?? KEEP_ALIVE_SECONDS
    const connection = new Connection(socket, owner, this.#memory, this.#options.log, seconds)
    this.#connections.add(connection)
    connection.start(received)
  }

  sessions(): readonly Session[] {
    return [...this.#hosts.values()].flatMap((host) => host.sessions())
  }

  /** Ends a session; unknown ids are fine. */
  async kick(session: string): Promise<void> {
    for (const host of this.#hosts.values()) if (await host.kick(session, 'it was ended by hand')) return
  }

  /** Ends all sessions, flushes and closes everything. */
  async stop(): Promise<void> {
    await Promise.all([...this.#hosts.keys()].map((iqn) => this.withdraw(iqn)))
    await Promise.all([...this.#connections].map((one) => one.end('the server stops')))
  }
}
