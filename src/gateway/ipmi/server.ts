import { hex } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import { printable } from '../../kit/printable.ts'
import { COMPLETION } from '../../protocols/ipmi/completion.ts'
import type { IpmiCryptography } from '../../protocols/ipmi/cryptography.ts'
import { decodeRequest, encodeResponse, type IpmiRequest } from '../../protocols/ipmi/message.ts'
import { NET_FN } from '../../protocols/ipmi/net-fn.ts'
import { decodePacket, encodeOld, encodePlus, PAYLOAD, type PlusPacket } from '../../protocols/ipmi/packet.ts'
import { decodePing, decodeRmcp, encodePong } from '../../protocols/ipmi/rmcp.ts'
import type { CipherSuite } from '../bmc.ts'
import { PRIVILEGES } from '../bmc.ts'
import type { CommandContext, CommandSession, CommandSet } from './command.ts'
import { Dispatch } from './dispatch.ts'
import { Guesses } from './guesses.ts'
import { MOST_RUNNING } from './limits.ts'
import { type LoginEnd, type LoginStep, Logins } from './login.ts'
import type { ServedBmc } from './served-bmc.ts'
import { type Endpoint, guidBytes, type HalfOpen, type Peer, type Session } from './session.ts'
import { answerOutside, SESSION_COMMANDS } from './session-commands.ts'
import { SessionTable } from './session-table.ts'
import type { SolClock } from './sol-holder.ts'

export type ServerWorld = Readonly<{
  crypto: IpmiCryptography
  clock: SolClock
  log: Log
  commands: CommandSet
  /** Most sessions in all. */
  sessions: number
  suites: (bmc: ServedBmc | undefined) => readonly CipherSuite[]
  ofUser: (name: string) => ServedBmc | undefined
  anyBmc: () => ServedBmc | undefined
}>

/**
 * What happens to a packet, whatever socket it came by. It opens no socket and sets no timer of its own: `receive` is called with
 * each packet, `sweep` about once a second.
 */
export class IpmiServer {
  readonly table: SessionTable
  readonly #world: ServerWorld
  readonly #logins: Logins
  readonly #guesses = new Guesses()
  readonly #dispatch: Dispatch

  constructor(world: ServerWorld) {
    this.#world = world
    this.table = new SessionTable(world.sessions, world.crypto)
    this.#logins = new Logins({ ...world, table: this.table, guesses: this.#guesses })
    const { commands, fallback } = world.commands
    this.#dispatch = new Dispatch([...SESSION_COMMANDS, ...commands], fallback)
  }

  /** A packet that is not ours or not well made is dropped: nothing is told to whoever sends such. */
  receive(endpoint: Endpoint, bytes: Uint8Array, peer: Peer): void {
    try {
      const rmcp = decodeRmcp(bytes)
      if (rmcp.class === 'asf') {
        const tag = decodePing(rmcp.body)
        if (tag !== undefined) endpoint.send(encodePong(tag, rmcp.sequence), peer)
        return
      }
      const packet = decodePacket(rmcp.body)
      if (packet.version === 1.5) {
        if (packet.authentication === 0 && packet.sessionId === 0)
          this.#outside(endpoint, packet.payload, peer, encodeOld)
      } else if (packet.sessionId === 0) this.#beforeSession(endpoint, packet, peer)
      else this.#inSession(endpoint, packet, peer)
    } catch (error) {
      const { log } = this.#world
      const where = { address: peer.address, endpoint: endpoint.name }
      if (error instanceof DecodeError) log.debug({ ...where, why: error.message }, 'Dropped a packet')
      else log.error({ ...where, error: String(error) }, 'An IPMI packet could not be handled')
    }
  }

  /** Ends what was silent for too long. */
  sweep(): void {
    for (const half of this.table.expire(this.#world.clock.now())) this.#ended(this.#logins.givenUp(half).ended)
  }

  /** Ends sessions; their clients notice by silence. A client with the console open is told. */
  end({ id }: CommandSession): void {
    const session = this.table.session(id)
    if (!session) return
    if (session.bmc.sol.holder === session.handle) session.bmc.sol.deactivate()
    this.table.remove(session)
  }

  #outside(endpoint: Endpoint, payload: Uint8Array, peer: Peer, wrap: (payload: Uint8Array) => Uint8Array): void {
    const request = decodeRequest(payload)
    if (request.netFn !== NET_FN.application) return
    const answer = answerOutside(request.command, request.data, {
      suites: this.#world.suites(endpoint.bmc),
      guid: endpoint.bmc && guidBytes(endpoint.bmc.backEnd.bmc.guid),
    })
    endpoint.send(wrap(encodeResponse(request, answer)), peer)
  }

  #beforeSession(endpoint: Endpoint, packet: PlusPacket, peer: Peer): void {
    if (packet.encrypted || packet.authenticated) return
    const { payload } = packet
    const step = (answerType: number, { answer, ended }: LoginStep) => {
      if (answer) endpoint.send(encodePlus(answerType, answer), peer)
      this.#ended(ended)
    }
    switch (packet.payloadType) {
      case PAYLOAD.ipmi:
        this.#outside(endpoint, payload, peer, (answer) => encodePlus(PAYLOAD.ipmi, answer))
        break
      case PAYLOAD.openSessionRequest:
        step(PAYLOAD.openSessionResponse, this.#logins.openSession(payload, endpoint, peer))
        break
      case PAYLOAD.rakp1:
        step(PAYLOAD.rakp2, this.#logins.rakp1(payload, endpoint))
        break
      case PAYLOAD.rakp3:
        step(PAYLOAD.rakp4, this.#logins.rakp3(payload, endpoint, peer))
        break
      default:
    }
  }

  #inSession(endpoint: Endpoint, packet: PlusPacket, peer: Peer): void {
    const session = this.table.session(packet.sessionId)
    if (!session || session.endpoint !== endpoint) return
    const payload = session.open(packet)
    if (!payload) return
    session.used = true
    session.lastAt = this.#world.clock.now()
    // A client behind address translation may come from elsewhere; its packet is genuine.
    session.peer = peer
    if (packet.payloadType === PAYLOAD.sol) session.bmc.sol.received(session, payload, packet.encrypted)
    else if (packet.payloadType === PAYLOAD.ipmi) {
      const request = decodeRequest(payload)
      this.#command(session, request).catch((error: unknown) => {
        const { machine } = session.bmc
        this.#world.log.error({ machine, error: String(error) }, 'An IPMI command could not be answered')
      })
    }
  }

  async #command(session: Session, request: IpmiRequest): Promise<void> {
    const { clock } = this.#world
    const { netFn, lun, source, sourceLun, sequence, command, data } = request
    const key = `${sequence} ${netFn} ${lun} ${command} ${source} ${sourceLun} ${hex(data)}`
    const before = session.answered(key, clock.now())
    if (before === 'running') return
    if (before) {
      session.send(PAYLOAD.ipmi, before)
      return
    }
    if (session.running >= MOST_RUNNING) {
      session.send(PAYLOAD.ipmi, encodeResponse(request, { completionCode: COMPLETION.busy, data: new Uint8Array(0) }))
      return
    }
    session.begin(key)
    // The answer to Close Session still belongs to the session, so it ends when that is out.
    const ending: CommandSession[] = []
    const answer = await this.#dispatch.answer(request, this.#contextOf(session, ending), clock)
    const message = this.#encoded(session, request, answer)
    session.end(key, message, clock.now())
    session.send(PAYLOAD.ipmi, message)
    session.bmc.sol.start(session)
    for (const one of ending) this.end(one)
  }

  #encoded(session: Session, request: IpmiRequest, answer: { completionCode: number; data: Uint8Array }): Uint8Array {
    try {
      return encodeResponse(request, answer)
    } catch (error) {
      const { netFn, command } = request
      this.#world.log.error(
        { machine: session.bmc.machine, netFn, command, error: String(error) },
        'An IPMI answer does not fit its message',
      )
      return encodeResponse(request, { completionCode: COMPLETION.unspecified, data: new Uint8Array(0) })
    }
  }

  #contextOf(session: Session, ending: CommandSession[]): CommandContext {
    const { bmc } = session
    const { suites, log, clock } = this.#world
    return {
      backEnd: bmc.backEnd,
      session,
      by: session.caller,
      state: bmc.state,
      sol: bmc.sol,
      get sessions() {
        return [...bmc.sessions.values()]
      },
      endSessions: (which) => void ending.push(...(which ? [which] : bmc.sessions.values())),
      host: session.peer.local ?? session.endpoint.host,
      port: session.endpoint.port,
      get suites() {
        return suites(bmc)
      },
      now: () => clock.now(),
      log,
    }
  }

  #ended(end: LoginEnd | undefined): void {
    if (!end) return
    if (end.ok) this.#loggedIn(end.session)
    else this.#failed(end.half, end.why, end.counts)
  }

  #loggedIn(session: Session): void {
    const { clock, log } = this.#world
    const { bmc, user, suite, address, maximumPrivilege } = session
    log.debug({ machine: bmc.machine, user: user.name, address, suite }, 'Somebody logged in to a BMC by IPMI')
    if (!bmc.isWorthNoting(`${user.name} ${address}`, clock.now())) return
    const level = PRIVILEGES[maximumPrivilege - 1]
    this.#record(bmc, 'ok', `${user.name} logged in from ${address} by IPMI as ${level} (cipher suite ${suite})`)
  }

  #failed(half: HalfOpen, why: string, counts: boolean): void {
    const { clock, log } = this.#world
    const { address } = half.peer
    if (counts) this.#guesses.failed(address, half.endpoint.name, clock.now())
    const name = printable(half.login?.name ?? '')
    const bmc = half.login?.bmc ?? half.endpoint.bmc
    log.warn({ machine: bmc?.machine, user: name, address, why }, 'A login to a BMC by IPMI failed')
    if (bmc) this.#record(bmc, 'warning', `a login as ${name || 'nobody'} from ${address} by IPMI failed: ${why}`)
  }

  #record(bmc: ServedBmc, severity: 'ok' | 'warning', text: string): void {
    bmc.backEnd.record({ kind: 'login', severity, text }).catch((error: unknown) => {
      this.#world.log.error({ machine: bmc.machine, error: String(error) }, 'A login could not be written down')
    })
  }
}
