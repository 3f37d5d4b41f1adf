import { Refusal } from '../../../kit/errors.ts'
import type { DriverFactory, DriverMachine } from '../../configured.ts'
import type { ConsoleLine, Fru, PowerDriver } from '../../driver.ts'
import { EarlyBytes } from '../../early-bytes.ts'
import type { PowerAction, PowerState } from '../../power.ts'
import { refusedAction } from '../../refused-action.ts'

type Smbios = Readonly<Record<'manufacturer' | 'product' | 'serial' | 'board', string | null>>

type Inventory = Readonly<{ smbios: Smbios }>

/** A terminal on the management OS. It looks every few seconds whether one is wanted. */
export type AgentTerminal = Readonly<{
  follow(listener: (bytes: Uint8Array) => void, ended: () => void): () => void
  type(bytes: Uint8Array): void
}>

/** What the driver needs of the conversation with the management OS. Machines are meant by their id. */
export type AgentSurroundings = Readonly<{
  /** Whether the management OS of the machine was heard lately. */
  runs(machine: string): boolean
  /** Why it must not be ended now, such as a disk that is being written; `undefined`: it may. */
  busy(machine: string): string | undefined
  /** What it found when it looked last; `undefined` when it never did. */
  inventory(machine: string): Promise<Inventory | undefined> | Inventory | undefined
  /** `undefined` when none runs, or terminals are switched off in the settings. */
  console(machine: string): AgentTerminal | undefined
}>

/** The agent asks every few seconds; a slow one is given time for several questions. */
const SHELL_MS = 40_000
/** The answer is computed, so that the echo of what is typed does not look like it. */
const TYPED = 'echo reveille-$((40 + 2))'
const ANSWER = 'reveille-42'
const ORDERS: Partial<Record<PowerAction, string>> = { soft: 'poweroff', cycle: 'reboot' }

/**
 * The management OS, while it runs on the machine: everything is on the disks before the machine leaves, and never while it works on
 * one. Orders are typed into a terminal of it, which is the one that operators see; that it answered means that it begins. Whether it is on is only known while it talks.
 */
class Agent implements PowerDriver {
  readonly kind = 'agent'
  readonly actions: readonly PowerAction[] = ['cycle', 'soft']
  readonly #with: AgentSurroundings
  readonly #machine: DriverMachine

  constructor(surroundings: AgentSurroundings, machine: DriverMachine) {
    this.#with = surroundings
    this.#machine = machine
  }

  async state(): Promise<PowerState> {
    return this.#with.runs(this.#machine.id) ? 'on' : 'unknown'
  }

  async perform(action: PowerAction): Promise<void> {
    const order = ORDERS[action]
    if (order === undefined) throw refusedAction(this.kind, action, this.actions)
    const { id, name } = this.#machine
    this.#assertRuns()
    const busy = this.#with.busy(id)
    if (busy !== undefined)
      throw new Refusal('wrong-state', `the management OS of ${name} must not be ended now: ${busy}`, {
        next: 'wait until it is done, or cancel the deployment first',
      })
    // It must outlive the terminal, which ends with our looking at it.
    await this.#typed(`(trap "" HUP INT TERM; sync; sleep 1; ${order} -f) & ${TYPED}\r`)
  }

  /** Of the last look at the hardware, which may be older than this boot. */
  async fru(): Promise<Fru> {
    const { id, name } = this.#machine
    const smbios = (await this.#with.inventory(id))?.smbios
    if (!smbios)
      throw new Refusal('not-available', `nobody has looked at the hardware of ${name} yet`, {
        next: 'boot the management OS once: reveille deploy, or a deployment of an inventory',
      })
    return {
      manufacturer: smbios.manufacturer,
      product: smbios.product,
      partNumber: null,
      serial: smbios.serial,
      assetTag: null,
      boardManufacturer: null,
      boardProduct: smbios.board,
      boardSerial: null,
      chassisSerial: null,
    }
  }

  async openConsole(): Promise<ConsoleLine> {
    const terminal = this.#terminal()
    const early = new EarlyBytes()
    const stop = terminal.follow(
      (bytes) => early.receive(bytes),
      () => early.end('the terminal of the management OS ended'),
    )
    return {
      listen: (received, ended) => early.listen(received, ended),
      write: (bytes) => terminal.type(bytes),
      close: () => {
        if (early.close()) stop()
      },
    }
  }

  async probe(): Promise<string> {
    this.#assertRuns()
    return `the management OS runs on ${this.#machine.name}`
  }

  async close(): Promise<void> {}

  #typed(line: string): Promise<void> {
    const terminal = this.#terminal()
    const { name } = this.#machine
    return new Promise((resolve, reject) => {
      let said = ''
      const decoder = new TextDecoder('latin1')
      const end = (why?: string) => {
        clearTimeout(timer)
        stop()
        if (why === undefined) return resolve()
        reject(
          new Refusal('not-available', `the management OS of ${name} did not take the order: ${why}`, {
            next: 'look at the machine before trying again; switch it by another driver if it hangs',
          }),
        )
      }
      const timer = setTimeout(() => end(`no terminal within ${SHELL_MS / 1000} seconds`), SHELL_MS)
      let stop: () => void = () => undefined
      stop = terminal.follow(
        (bytes) => {
          said = (said + decoder.decode(bytes)).slice(-1000)
          // Soon after, the connection is gone without a word.
          if (said.includes(ANSWER)) end()
        },
        () => end('its terminal ended'),
      )
      terminal.type(new TextEncoder().encode(line))
    })
  }

  #terminal(): AgentTerminal {
    this.#assertRuns()
    const terminal = this.#with.console(this.#machine.id)
    if (terminal) return terminal
    throw new Refusal('not-available', `no terminal of the management OS of ${this.#machine.name} can be had`, {
      next: 'see whether the settings allow terminals of the management OS',
    })
  }

  #assertRuns(): void {
    if (this.#with.runs(this.#machine.id)) return
    throw new Refusal('not-available', `the management OS does not run on ${this.#machine.name}`, {
      next: 'boot it, or give the machine another driver',
    })
  }
}

export function agentFactory(surroundings: AgentSurroundings): DriverFactory {
  return (_settings, _secrets, machine) => new Agent(surroundings, machine)
}
