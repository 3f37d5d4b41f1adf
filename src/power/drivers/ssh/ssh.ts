import type { GuestConnection, GuestOutcome, GuestTarget, GuestTerminal } from '../../../guests/guest.ts'
import { LoginRefusal } from '../../../guests/guest.ts'
import { ACCEPTED, rootProblem, unixReboot } from '../../../guests/unix.ts'
import { complaint, windowsReboot } from '../../../guests/windows.ts'
import { Refusal } from '../../../kit/errors.ts'
import { decodeBootFlags, encodeBootFlags, NO_BOOT_FLAGS } from '../../../protocols/ipmi/boot-options.ts'
import type { BootDevice, BootOrder } from '../../boot-order.ts'
import type { DriverFactory, DriverMachine, DriverSecrets } from '../../configured.ts'
import type { ConsoleLine, Fru, PowerDriver, RawAnswer, RawRequest } from '../../driver.ts'
import type { PowerAction, PowerState } from '../../power.ts'
import { refusedAction } from '../../refused-action.ts'
import type { Sensor } from '../../sensor.ts'
import type { SettingsOf } from '../../settings.ts'
import { FRU_COMMAND, parseFru, parseSensors, SENSORS_COMMAND } from './host-facts.ts'
import { ipmitoolCommand, parseIpmitool } from './ipmitool.ts'

type SshSettings = SettingsOf<'ssh'>
type Connection = GuestConnection & Readonly<{ terminal(command: string): Promise<GuestTerminal> }>

/** Logs in. Compose hands in the one that guests use. */
export type SshConnector = Readonly<{ connect(target: GuestTarget, timeoutMs?: number): Promise<Connection> }>

const LOGIN_MS = 15_000
const COMMAND_MS = 20_000

/** IPMI 2.0 table 28-14: only what a system itself would ask for. */
const SELECTORS = { pxe: 'pxe', disk: 'disk', cdrom: 'cdrom', setup: 'setup', diag: 'diag' } as const

/**
 * Reaches a machine through its running system. It can end it and restart it cleanly, and never switch it on; whoever does not
 * answer may be off or not, so that no state but on is ever told. Each call is a login of its own.
 */
class Ssh implements PowerDriver {
  readonly kind = 'ssh'
  readonly actions: readonly PowerAction[] = ['cycle', 'soft']
  readonly sensors?: () => Promise<readonly Sensor[]>
  readonly fru?: () => Promise<Fru>
  readonly openConsole?: () => Promise<ConsoleLine>
  readonly raw?: (request: RawRequest) => Promise<RawAnswer>
  readonly bootOrder?: () => Promise<BootOrder | null>
  readonly setBootOrder?: (order: BootOrder | null) => Promise<void>
  readonly #connector: SshConnector
  readonly #settings: SshSettings
  readonly #secrets: DriverSecrets
  readonly #machine: DriverMachine
  /** Pinned: of the settings, or the first that was seen. */
  #hostKey: string | null

  constructor(connector: SshConnector, settings: SshSettings, secrets: DriverSecrets, machine: DriverMachine) {
    this.#connector = connector
    this.#settings = settings
    this.#secrets = secrets
    this.#machine = machine
    this.#hostKey = settings.hostKey
    const { consoleCommand, system, ipmitool } = settings
    if (system === 'unix') {
      this.sensors = async () => parseSensors(await this.#printed(SENSORS_COMMAND, 'tell its sensors'))
      this.fru = async () => parseFru(await this.#printed(FRU_COMMAND, 'tell what it is made of'))
    }
    if (consoleCommand !== null) this.openConsole = () => this.#openConsole(consoleCommand)
    if (ipmitool && system === 'unix') {
      this.raw = (request) => this.#raw(request)
      this.bootOrder = () => this.#bootOrder()
      this.setBootOrder = (order) => this.#setBootOrder(order)
    }
  }

  /** Refused where it cannot be reached: that says nothing of its power. */
  state(): Promise<PowerState> {
    return this.#visit(async (): Promise<PowerState> => 'on')
  }

  perform(action: PowerAction): Promise<void> {
    if (!this.actions.includes(action)) return Promise.reject(refusedAction(this.kind, action, this.actions))
    const off = action === 'soft'
    const what = off ? 'end' : 'restart'
    return this.#visit(async (connection) => {
      const command = this.#settings.system === 'windows' ? windowsReboot(off) : unixReboot(off)
      const outcome = await connection.run(command, { timeoutMs: COMMAND_MS })
      if (outcome.stdout.includes(ACCEPTED)) return
      this.#assertDone(outcome, what)
    })
  }

  async probe(): Promise<string> {
    return this.#visit(async (connection) => {
      const { user } = this.#settings
      return `${this.#address()} lets ${user} in; its host key is ${connection.hostKey}`
    })
  }

  async close(): Promise<void> {}

  async #openConsole(command: string): Promise<ConsoleLine> {
    const connection = await this.#connect()
    try {
      const terminal = await connection.terminal(command)
      return {
        listen: (received, ended) =>
          terminal.listen(received, (why) => {
            connection.close()
            ended(why)
          }),
        write: (bytes) => terminal.write(bytes),
        close: () => {
          terminal.close()
          connection.close()
        },
      }
    } catch (error) {
      connection.close()
      throw error
    }
  }

  #raw(request: RawRequest): Promise<RawAnswer> {
    const command = ipmitoolCommand(request)
    return this.#visit(async (connection) => {
      const { code, stdout, stderr } = await connection.run(command, { timeoutMs: COMMAND_MS })
      const answer = parseIpmitool(code, stdout, stderr)
      if (answer) return answer
      const root = rootProblem(stderr, this.#settings.user)
      throw new Refusal('wrong-state', `ipmitool on ${this.#address()} gave no answer: ${root ?? firstLine(stderr)}`, {
        next: 'see that ipmitool is installed there, that the kernel has a driver for its BMC (modprobe ipmi_si ipmi_devintf), and that the user may use it',
      })
    })
  }

  async #bootOrder(): Promise<BootOrder | null> {
    const { completionCode, data } = await this.#raw({ netFn: 0, lun: 0, command: 0x09, data: Uint8Array.of(5, 0, 0) })
    if (completionCode !== 0 || data.length < 7) throw this.#bmcRefused(completionCode)
    const { isValid, device, isPersistent, isEfi } = decodeBootFlags(data.subarray(2, 7))
    const known = Object.keys(SELECTORS).find((each) => each === device) as BootDevice | undefined
    return isValid && known !== undefined ? { device: known, persistent: isPersistent, efi: isEfi } : null
  }

  async #setBootOrder(order: BootOrder | null): Promise<void> {
    const { device = 'disk', persistent = false, efi = false } = order ?? {}
    const selector = Object.hasOwn(SELECTORS, device) ? SELECTORS[device as keyof typeof SELECTORS] : undefined
    if (selector === undefined)
      throw new Refusal('wrong-state', `a BMC cannot be told by IPMI to boot from ${device}`, {
        next: `it knows ${Object.keys(SELECTORS).join(', ')}`,
      })
    const flags = order
      ? { ...NO_BOOT_FLAGS, isValid: true, isPersistent: persistent, isEfi: efi, device: selector }
      : NO_BOOT_FLAGS
    const data = Uint8Array.of(5, ...encodeBootFlags(flags))
    const { completionCode } = await this.#raw({ netFn: 0, lun: 0, command: 0x08, data })
    if (completionCode !== 0) throw this.#bmcRefused(completionCode)
  }

  #bmcRefused(code: number): Refusal {
    const hex = code.toString(16).padStart(2, '0').toUpperCase()
    return new Refusal('wrong-state', `the BMC of ${this.#machine.name} answered ${hex}h`, {
      next: 'its firmware may not know boot options; set them in its setup',
    })
  }

  #printed(command: string, what: string): Promise<string> {
    return this.#visit(async (connection) => {
      const outcome = await connection.run(command, { timeoutMs: COMMAND_MS })
      this.#assertDone(outcome, what)
      return outcome.stdout
    })
  }

  #assertDone({ code, lost, stderr }: GuestOutcome, what: string): void {
    const { name } = this.#machine
    const { user, system } = this.#settings
    if (lost)
      throw new Refusal('not-available', `the connection to ${name} was lost before it said that it would ${what}`, {
        next: 'look at the machine before trying again: it may have happened',
      })
    if (code === 0) return
    const root = rootProblem(stderr, user)
    if (root !== undefined)
      throw new Refusal('wrong-credentials', `${name} did not ${what}: ${root}`, {
        next: 'log in as root, or let that user run sudo without a password (NOPASSWD in sudoers)',
      })
    const told = system === 'windows' ? complaint(stderr) : firstLine(stderr)
    throw new Refusal('wrong-state', `${name} did not ${what}: ${told || `status ${code ?? 'unknown'}`}`, {
      next: 'see on the machine why',
    })
  }

  async #visit<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.#connect()
    try {
      return await work(connection)
    } catch (error) {
      if (!(error instanceof Refusal) || error.next !== undefined) throw error
      throw new Refusal(error.code, error.message, { next: 'see on the machine what keeps it' })
    } finally {
      connection.close()
    }
  }

  async #connect(): Promise<Connection> {
    const { user, port } = this.#settings
    const { password = null, privateKey = null } = this.#secrets
    const target = { address: this.#address(), port, user, hostKey: this.#hostKey, secret: { password, privateKey } }
    const connection = await this.#connector.connect(target, LOGIN_MS).catch((error: unknown) => {
      if (error instanceof LoginRefusal || (error instanceof Refusal && error.code === 'conflict'))
        throw new Refusal('wrong-credentials', error.message, {
          next: 'set user, password or key of the driver again; for another host key, its `hostKey`',
        })
      throw error
    })
    try {
      await this.#pin(connection.hostKey)
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  /** The first that is seen counts, also among logins that began at the same time. */
  async #pin(seen: string): Promise<void> {
    if (this.#hostKey === null) {
      this.#hostKey = seen
      await this.#machine.pin?.(seen)
    } else if (this.#hostKey !== seen)
      throw new Refusal(
        'wrong-credentials',
        `${this.#address()} shows the host key ${seen}, but ${this.#hostKey} was seen first`,
        {
          next: 'find out which is the right one, and set `hostKey` of the driver to it',
        },
      )
  }

  #address(): string {
    const address = this.#settings.address ?? this.#machine.address()
    if (address !== null) return address
    throw new Refusal('not-available', `nobody knows the address of ${this.#machine.name}`, {
      next: 'let it boot through this server, or set `address` of the driver',
    })
  }
}

function firstLine(text: string): string {
  const line = text.split('\n').find((each) => each.trim() !== '') ?? ''
  return line
    .replace(/\p{Cc}/gu, ' ')
    .trim()
    .slice(0, 200)
}

/** Refuses (`validation-failed`) a driver without password and key. */
export function sshFactory(connector: SshConnector): DriverFactory {
  return (settings, secrets, machine) => {
    if (!secrets.password && !secrets.privateKey)
      throw new Refusal('validation-failed', 'nothing is known that would let us log in', {
        next: 'give the driver a password or a private key',
      })
    return new Ssh(connector, settings as SshSettings, secrets, machine)
  }
}
