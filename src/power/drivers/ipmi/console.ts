import { DecodeError } from '../../../kit/errors.ts'
import { CompletionError } from '../../../protocols/ipmi/completion.ts'
import { GET_DEVICE_ID } from '../../../protocols/ipmi/device.ts'
import {
  ACTIVATE_PAYLOAD,
  DEACTIVATE_PAYLOAD,
  PAYLOAD_COMPLETION,
  PAYLOAD_TYPE,
} from '../../../protocols/ipmi/payload.ts'
import type { ConsoleLine } from '../../driver.ts'
import type { AskOptions, Link } from './link.ts'
import { noSerialLine } from './refusals.ts'
import { charactersOf, type FlowStep, SerialFlow } from './serial-flow.ts'

const SOL = { type: PAYLOAD_TYPE.sol, instance: 1, encrypted: true, authenticated: true } as const
/** BMCs end sessions in which no command came for 60 s, whatever flows beside (IPMI 2.0 §6.12.15). */
const KEEP_ALIVE_MS = 20_000
/** Kept until somebody listens; the oldest go first. */
const MOST_UNHEARD_BYTES = 64 * 1024

/** Opens serial over LAN on a link of its own, which ends with it; `over` is called after that. @throws Refusal */
export async function openSerialLine(link: Link, options: AskOptions, over: () => void): Promise<ConsoleLine> {
  const line = new SerialLine(link, over)
  try {
    line.begin(await activate(link, options))
    return line
  } catch (error) {
    link.letGo()
    link.close()
    over()
    throw error
  }
}

async function activate(link: Link, options: AskOptions): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      return (await link.call(ACTIVATE_PAYLOAD, SOL, options)).inboundBytes
    } catch (error) {
      if (!(error instanceof CompletionError)) throw error
      if (error.code !== PAYLOAD_COMPLETION.alreadyActive || tries > 0) throw noSerialLine(link.whom, whyNot(error))
      await deactivate(link, options)
    }
  }
}

/** Whether it was active does not matter. */
async function deactivate(link: Link, options: AskOptions): Promise<void> {
  await link.call(DEACTIVATE_PAYLOAD, SOL, options).catch((error: unknown) => {
    if (!(error instanceof CompletionError)) throw error
  })
}

/** Completion codes of Activate Payload (IPMI 2.0 table 24-2). */
function whyNot(error: CompletionError): string {
  switch (error.code) {
    case PAYLOAD_COMPLETION.alreadyActive:
      return 'another client has it and keeps it'
    case PAYLOAD_COMPLETION.disabled:
      return 'serial over LAN is switched off'
    case PAYLOAD_COMPLETION.limitReached:
      return 'all of its lines are in use'
    case PAYLOAD_COMPLETION.cannotEncrypt:
      return 'it would not encrypt what is sent, and unencrypted lines are not used'
    default:
      return error.message
  }
}

let linesOpened = Math.floor(Math.random() * 15)

class SerialLine implements ConsoleLine {
  readonly #link: Link
  readonly #whenOver: () => void
  #flow: SerialFlow | undefined
  #received: ((bytes: Uint8Array) => void) | undefined
  #ended: ((why: string) => void) | undefined
  #unheard: Uint8Array[] = []
  #unheardBytes = 0
  #early: Uint8Array[] = []
  #over: string | undefined
  #isClosed = false
  #timer: NodeJS.Timeout | undefined
  #keepAlive: NodeJS.Timeout | undefined

  constructor(link: Link, over: () => void) {
    this.#link = link
    this.#whenOver = over
    link.hold(
      (payload) => this.#take(payload),
      () => this.#end('the session with the BMC was lost'),
    )
  }

  begin(payloadBytes: number): void {
    linesOpened++
    // 7 and 15 have no common divisor: each number has its turn, and neighbours are far apart.
    this.#flow = new SerialFlow(charactersOf(payloadBytes), (linesOpened * 7) % 15)
    this.#keepAlive = setInterval(() => this.#check(), KEEP_ALIVE_MS)
    for (const payload of this.#early.splice(0)) this.#take(payload)
  }

  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void {
    this.#received = received
    this.#ended = ended
    for (const bytes of this.#unheard.splice(0)) received(bytes)
    this.#unheardBytes = 0
    if (this.#over !== undefined && !this.#isClosed) ended(this.#over)
  }

  write(bytes: Uint8Array): void {
    if (this.#flow && this.#over === undefined) this.#do(this.#flow.write(performance.now(), bytes))
  }

  sendBreak(): void {
    if (this.#flow && this.#over === undefined) this.#do(this.#flow.sendBreak(performance.now()))
  }

  close(): void {
    this.#isClosed = true
    this.#stop('it was closed')
  }

  #take(payload: Uint8Array): void {
    if (this.#over !== undefined) return
    // The first characters may overtake the answer that the line is open.
    if (!this.#flow) {
      if (this.#early.length < 16) this.#early.push(payload)
      return
    }
    try {
      this.#do(this.#flow.receive(performance.now(), payload))
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }

  #do(steps: readonly FlowStep[]): void {
    for (const step of steps) {
      if (step.do === 'send') this.#link.sendSol(step.payload)
      else if (step.do === 'data') this.#hand(step.bytes)
      else this.#end(step.why)
    }
    this.#arm()
  }

  #hand(bytes: Uint8Array): void {
    if (this.#received) {
      this.#received(bytes)
      return
    }
    this.#unheard.push(bytes)
    this.#unheardBytes += bytes.length
    while (this.#unheardBytes > MOST_UNHEARD_BYTES) this.#unheardBytes -= this.#unheard.shift()!.length
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const at = this.#over === undefined ? this.#flow?.wakeAt : undefined
    if (at === undefined) return
    const wait = Math.max(1, Math.ceil(at - performance.now()))
    this.#timer = setTimeout(() => this.#flow && this.#do(this.#flow.wake(performance.now())), wait)
  }

  /** Shows the BMC that somebody is there, and us that it is: a lost session is told by `hold`. */
  #check(): void {
    this.#link.call(GET_DEVICE_ID, undefined).catch((error: unknown) => {
      if (!(error instanceof CompletionError)) this.#end(error instanceof Error ? error.message : String(error))
    })
  }

  #end(why: string): void {
    if (this.#over !== undefined) return
    this.#stop(why)
    this.#ended?.(why)
  }

  #stop(why: string): void {
    if (this.#over !== undefined) return
    this.#over = why
    clearTimeout(this.#timer)
    clearInterval(this.#keepAlive)
    this.#link.letGo()
    const { whom } = this.#link
    void deactivate(this.#link, { until: performance.now() + 3000 })
      .catch((error: unknown) =>
        this.#link.log.debug({ bmc: whom.where, error: String(error) }, 'A serial line was not given back'),
      )
      .finally(() => {
        this.#link.close()
        this.#whenOver()
      })
  }
}
