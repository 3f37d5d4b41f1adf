import type { Clock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import type { PowerAction, PowerState } from './power.ts'

/** Below the deadline of drivers, so that the reason is told and not just that it took too long. */
const PATIENCE_MS = 50_000
/** A person answers one machine after the other; more than this was forgotten. */
const MOST_PENDING = 1000

/** What a person is asked to do to a machine. Times: milliseconds since 1970. */
export type ManualRequest = Readonly<{
  id: string
  machine: string
  name: string
  action: PowerAction
  instructions: string
  askedAt: number
  deadlineAt: number
}>

/** What a person said last of a machine, and when. */
export type ManualAnswer = Readonly<{ state: PowerState; at: number }>

type Asked = Readonly<{ machine: string; name: string; action: PowerAction; instructions: string }>
type Open = { readonly request: ManualRequest; readonly settle: (refusal?: Refusal) => void }

type Dependencies = Readonly<{
  clock: Clock
  /** How long a request waits, in milliseconds; 50 seconds if left out. */
  patienceMs?: number | undefined
  /** Called whenever the open requests changed. */
  changed?: ((machine: string) => void) | undefined
}>

/** Machines that only a person can switch: what is asked of them, and what they answered. Lost with the process: nobody is believed for ever. */
export class ManualRequests {
  readonly #with: Dependencies
  readonly #open = new Map<string, Open>()
  readonly #answers = new Map<string, ManualAnswer>()
  #asked = 0

  constructor(dependencies: Dependencies) {
    this.#with = dependencies
  }

  /** Oldest first. */
  pending(): readonly ManualRequest[] {
    return [...this.#open.values()].map(({ request }) => request)
  }

  lastAnswer(machine: string): ManualAnswer | undefined {
    return this.#answers.get(machine)
  }

  /** What a person sees at a machine without having been asked. */
  tell(machine: string, state: PowerState): void {
    this.#answers.set(machine, { state, at: this.#with.clock.now() })
  }

  /** It is done, and the machine is in this state now. Refused (`not-found`) when the request is over. */
  answer(id: string, state: PowerState): void {
    const { request, settle } = this.#find(id)
    this.tell(request.machine, state)
    settle()
  }

  /** It will not be done. */
  decline(id: string, why: string): void {
    const { request, settle } = this.#find(id)
    const said = why === '' ? '' : `: ${why}`
    settle(
      new Refusal('wrong-state', `nobody will do ${request.action} to ${request.name}${said}`, {
        next: 'talk to whoever declined it, or give the machine another driver',
      }),
    )
  }

  /** Resolves when a person did it. Refused when they will not (`wrong-state`) or nobody answers in time (`not-available`). */
  ask({ machine, name, action, instructions }: Asked): Promise<void> {
    const open = [...this.#open.values()].find(({ request }) => request.machine === machine)
    if (open)
      return Promise.reject(
        new Refusal('wrong-state', `a person is being asked to do ${open.request.action} to ${name} already`, {
          next: 'answer that request first',
        }),
      )
    if (this.#open.size >= MOST_PENDING)
      return Promise.reject(
        new Refusal('not-available', `${MOST_PENDING} requests wait for a person already`, {
          next: 'answer some of them',
        }),
      )
    const { clock, patienceMs = PATIENCE_MS, changed } = this.#with
    const askedAt = clock.now()
    const id = `${askedAt.toString(36)}-${(++this.#asked).toString(36)}`
    const request = { id, machine, name, action, instructions, askedAt, deadlineAt: askedAt + patienceMs }
    return new Promise((resolve, reject) => {
      const settle = (refusal?: Refusal) => {
        clearTimeout(timer)
        this.#open.delete(id)
        changed?.(machine)
        if (refusal) reject(refusal)
        else resolve()
      }
      const late = () =>
        settle(
          new Refusal(
            'not-available',
            `nobody said within ${Math.round(patienceMs / 1000)} seconds that the order (${action}) for ${name} was done`,
            {
              next: `ask again when somebody is there, or say what is so if it was done meanwhile: reveille driver done ${name} DRIVER on|off`,
            },
          ),
        )
      const timer = setTimeout(late, patienceMs)
      this.#open.set(id, { request, settle })
      changed?.(machine)
    })
  }

  /** Ends the request to this machine, or all. */
  withdraw(machine?: string): void {
    for (const { request, settle } of [...this.#open.values()])
      if (machine === undefined || machine === request.machine)
        settle(
          new Refusal('not-available', `the request to do ${request.action} to ${request.name} was withdrawn`, {
            next: 'ask again',
          }),
        )
  }

  #find(id: string): Open {
    const open = this.#open.get(id)
    if (!open)
      throw new Refusal('not-found', 'this request is over, or never was', {
        next: 'tell the state of the machine instead',
      })
    return open
  }
}
