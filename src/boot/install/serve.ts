import { createSecretKey, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { AgentProgress, Hello, Inventory, LogLines, Result, type Welcome } from '../../api/contract/agent.ts'
import type { Clock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import type { Log } from '../../kit/log.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import type { BootHandler } from '../http.ts'
import { RateLimit } from '../rate.ts'
import { readBody, readJson, sendJson, sendProblem } from './answers.ts'
import { Chunks } from './chunks.ts'
import { isSame, judgeHello, type Question, readBearer, readQuestion } from './decide.ts'
import type { AgentBoot, ChunkShelf, InstallDesk } from './desk.ts'
import { InstallNotes, type RunningAgent } from './notes.ts'
import { type FindPass, servePass } from './pass.ts'
import { proofOf, secretOf, sessionOf } from './proof.ts'
import { type ShellConsole, Shells } from './shell.ts'

/** Everything that agents ask is below. */
export const AGENT_PREFIX = '/agent/v1/'
const SHELL = `${AGENT_PREFIX}shell`

/** Bodies in bytes: a hello is small and asks without a session; an inventory names hundreds of disks; log lines come by hundreds. */
const MOST_HELLO = 4096
const MOST_JSON = 4 * 1024 * 1024
/** Questions a second: of an address without a session, and of a boot besides its chunks. */
const STRANGERS_PER_SECOND = 20
const QUESTIONS_PER_SECOND = 50
/** While an operator waits for a shell, an agent that waits looks again this soon. */
const SHELL_WAIT_SECONDS = 3

export type InstallStageDependencies = Readonly<{
  desk: InstallDesk
  chunks: ChunkShelf
  traces: TraceRecorder
  /** The key of the script stage, which seals the words of passes. */
  key: Uint8Array
  /** The setting `agent.shell`: whether operators may open a terminal on booted agents. */
  shell: boolean
  clock: Clock
  log: Log
}>

export type InstallStage = Readonly<{
  /** Gives passes; below `/boot/`. */
  pass: BootHandler
  /** The same over TFTP. */
  passFile: FindPass
  /** Answers what is below `AGENT_PREFIX`. Never throws. */
  answer(request: IncomingMessage, response: ServerResponse): void
  /** Whether a request asks for the agent's end of a terminal. */
  upgradable(request: IncomingMessage): boolean
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** A terminal on the agent of a machine (by id); `undefined` when none runs there or the setting forbids it. */
  console(machine: string): ShellConsole | undefined
  running(): RunningAgent[]
}>

type Known = Readonly<{ boot: AgentBoot; client: string }>

/** Stage 6: "write this, tell me how it went". The conversation of the management OS, of which api/contract/agent.ts is the protocol. */
export function serveInstall(dependencies: InstallStageDependencies): InstallStage {
  const { desk, traces, clock, log } = dependencies
  const key = createSecretKey(dependencies.key)
  const notes = new InstallNotes(traces, desk, clock)
  const chunks = new Chunks(dependencies.chunks, desk)
  const shells = new Shells()
  const strangers = new RateLimit(clock, STRANGERS_PER_SECOND)
  const questions = new RateLimit(clock, QUESTIONS_PER_SECOND)
  /** The session of a boot, computed once. It depends on nothing that can change but the nonces. */
  const sessions = new Map<string, Readonly<{ nonces: string; session: string }>>()

  const sessionFor = ({ id, nonce, serverNonce }: AgentBoot): string | undefined => {
    if (nonce === null || serverNonce === null) return undefined
    const nonces = `${nonce} ${serverNonce}`
    const known = sessions.get(id)
    if (known?.nonces === nonces) return known.session
    if (sessions.size >= 10_000) sessions.clear()
    const session = sessionOf(id, secretOf(id, key), nonce, serverNonce)
    sessions.set(id, { nonces, session })
    return session
  }

  /** The boot whose session a request shows, or a `Refusal`. */
  const identify = (request: IncomingMessage): Known => {
    const client = clientOf(request)
    const shown = readBearer(request.headers.authorization)
    const boot = shown && desk.boot(shown.boot)
    const expected = boot && sessionFor(boot)
    if (boot && shown && expected !== undefined && isSame(shown.session, expected)) return { boot, client }
    if (!strangers.allows(client)) throw new Refusal('too-many-requests', 'too many requests without a session')
    if (boot && shown) {
      const text = `${client} asked with a wrong session for this boot, and was refused`
      notes.suspicious(boot, client, 'an agent showed a wrong session', text)
    } else notes.stranger(client, shown ? 'its boot is over, or never was' : 'it showed no session')
    throw over()
  }

  const hello = async (request: IncomingMessage, response: ServerResponse) => {
    const client = clientOf(request)
    if (!strangers.allows(client)) throw new Refusal('too-many-requests', 'too many hellos')
    const asked = await readJson(request, Hello, MOST_HELLO)
    const before = desk.boot(asked.boot)
    const verdict = judgeHello(asked, before)
    if (!before || verdict === 'over') {
      notes.stranger(client, 'its boot is over, or never was')
      throw over()
    }
    const refuse = () => {
      const text = `${client} said hello for a boot whose agent had said hello before, and was refused`
      notes.suspicious(before, client, 'a second hello came for one boot', text)
      return over()
    }
    if (verdict === 'replayed') throw refuse()
    const boot = await desk.greet(asked.boot, asked, randomBytes(16).toString('hex'))
    if (!boot?.nonce || !boot.serverNonce) throw over()
    // Two hellos at the same time: the one that was kept counts.
    if (boot.nonce !== asked.nonce) throw refuse()
    notes.hello(boot, client, printable(asked.version), before.nonce !== null)
    const welcome: Welcome = {
      serverNonce: boot.serverNonce,
      proof: proofOf(secretOf(boot.id, key), boot.nonce, boot.serverNonce),
      machine: desk.machine(boot.machine)?.name ?? boot.machine,
    }
    sendJson(response, 200, welcome)
  }

  const asked = async (question: Question, known: Known, request: IncomingMessage, response: ServerResponse) => {
    const { boot, client } = known
    switch (question.what) {
      case 'chunk':
        return chunks.give(boot, question.sha256, request, response)
      case 'put-chunk':
        return chunks.take(boot, question.sha256, request, response)
      case 'list':
        return chunks.giveList(boot, question.sha256, response)
      case 'put-list':
        return chunks.takeList(boot, question.sha256, request, response)
      case 'missing':
        return chunks.missing(boot, request, response)
    }
    if (!questions.allows(boot.id)) throw new Refusal('too-many-requests', 'too many questions in a second')
    switch (question.what) {
      case 'inventory': {
        const inventory = await readJson(request, Inventory, MOST_JSON)
        await desk.inventory(boot, inventory)
        notes.inventory(boot, client, inventory.disks.length)
        return sendJson(response, 204)
      }
      case 'next': {
        await readBody(request, MOST_HELLO)
        const next = await desk.next(boot)
        notes.next(boot, client, next)
        const shell = next.do === 'wait' && shells.wanted(boot.machine)
        return sendJson(response, 200, shell ? { ...next, seconds: SHELL_WAIT_SECONDS, shell } : next)
      }
      case 'progress': {
        const progress = await readJson(request, AgentProgress, MOST_HELLO)
        const heard = await desk.progress(boot, question.task, progress)
        notes.heard(boot, client, printable(progress.phase))
        return sendJson(response, 200, { ...heard, shell: shells.wanted(boot.machine) })
      }
      case 'result': {
        const result = await readJson(request, Result, MOST_JSON)
        await desk.result(boot, question.task, result)
        notes.result(boot, client, question.task, { ...result, summary: printable(result.summary) })
        return sendJson(response, 204)
      }
      case 'log': {
        const { lines } = await readJson(request, LogLines, MOST_JSON)
        await desk.log(boot, lines)
        return sendJson(response, 204)
      }
    }
  }

  const converse = async (request: IncomingMessage, response: ServerResponse, path: string) => {
    const question = readQuestion(request.method ?? '', path)
    if (!question) throw new Refusal('not-found', 'agents do not ask for this')
    if ('allow' in question) {
      sendProblem(response, 'method-not-allowed', 'not with this method', { headers: { allow: question.allow } })
      return
    }
    // Before a byte of the body is read.
    if (question.what === 'hello') await hello(request, response)
    else await asked(question, identify(request), request, response)
  }

  const answer: InstallStage['answer'] = (request, response) => {
    response.on('error', (error) => log.debug({ error: error.message }, 'an answer to an agent broke off'))
    const path = (request.url ?? '').slice(AGENT_PREFIX.length)
    converse(request, response, path).catch((error: unknown) => {
      if (error instanceof Refusal) sendProblem(response, error.code, error.message, { next: error.next })
      // Switched off in the middle of its request.
      else if (!request.destroyed || request.complete) {
        const shown = path.replace(/[^\x20-\x7e]/g, '?').slice(0, 120)
        log.error({ path: shown, client: clientOf(request), error }, 'an agent could not be answered')
        sendProblem(response, 'internal', 'Reveille failed to answer this; its log says more', {
          next: 'it is asked again by itself',
        })
      }
      endBody(request, response)
    })
  }

  const passes = servePass({ desk, notes, key, clock, log })
  return {
    pass: passes.handler,
    passFile: passes.find,
    answer,
    upgradable: ({ url, headers }) => url === SHELL && headers.upgrade?.toLowerCase() === 'websocket',
    upgrade(request, socket, head) {
      socket.on('error', () => socket.destroy())
      try {
        if (!dependencies.shell) throw new Refusal('forbidden', 'the setting agent.shell forbids it')
        const { boot } = identify(request)
        shells.accept(boot.machine, request, socket, head)
      } catch {
        socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      }
    },
    console: (machine) =>
      dependencies.shell && notes.running().some((agent) => agent.machine === machine)
        ? shells.console(machine)
        : undefined,
    running: () => notes.running(),
  }
}

function over(): Refusal {
  return new Refusal('wrong-credentials', 'this boot is over, or what it shows is wrong', {
    next: 'restart the machine',
  })
}

/** What remains of a refused body is not read: the connection ends behind the refusal, but the refusal is heard. */
function endBody(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || request.destroyed) return
  request.resume()
  const timer = setTimeout(() => request.socket.destroy(), 5000).unref()
  request.once('close', () => clearTimeout(timer))
  response.once('close', () => clearTimeout(timer))
}

function clientOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '0.0.0.0').replace(/^::ffff:/i, '')
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300)
}
