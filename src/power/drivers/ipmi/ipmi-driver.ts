import type { Refusal } from '../../../kit/errors.ts'
import { CHASSIS_CONTROL, CHASSIS_IDENTIFY, GET_CHASSIS_STATUS } from '../../../protocols/ipmi/chassis.ts'
import { COMPLETION, CompletionError } from '../../../protocols/ipmi/completion.ts'
import type { IpmiSuite } from '../../../protocols/ipmi/cryptography.ts'
import { GET_DEVICE_ID } from '../../../protocols/ipmi/device.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import { MOST_PASSWORD_BYTES } from '../../../protocols/ipmi/rakp.ts'
import type { BootOrder } from '../../boot-order.ts'
import type { DriverSecrets } from '../../configured.ts'
import type { ConsoleLine, Fru, HardwareEvent, PowerDriver, RawAnswer, RawRequest, RestartNote } from '../../driver.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../power.ts'
import type { Sensor } from '../../sensor.ts'
import type { SettingsOf } from '../../settings.ts'
import { readBootOrder, writeBootOrder } from './boot.ts'
import { openSerialLine } from './console.ts'
import { clearEvents, readEvents } from './events.ts'
import { readFru } from './fru.ts'
import { Link, type LinkAround, type Target } from './link.ts'
import { IpmiPort } from './port.ts'
import { answeredNo, passwordTooLong } from './refusals.ts'
import { SensorReader, type Timed } from './sensors.ts'

/** Below `DRIVER_DEADLINE_MS`, so that the end is ours and says why. */
const CALL_MS = 50_000
const MOST_IDENTIFY_SECONDS = 255

/**
 * Those that do more when they are done twice, and how long their answer is waited for, in milliseconds. BMCs obey a message that is sent
 * again, also much later, when they were busy with the first. A cycle is looked at soon, because its off may be short.
 */
const NOT_TWICE: Readonly<Partial<Record<PowerAction, number>>> = { cycle: 700, reset: 5000, diag: 5000 }

/** Enterprise numbers of makers of servers, as registered with IANA. */
const MAKERS: Readonly<Record<number, string>> = {
  2: 'IBM',
  11: 'HP',
  343: 'Intel',
  674: 'Dell',
  2623: 'ASUS',
  5771: 'Cisco',
  7244: 'Quanta',
  10368: 'Fujitsu',
  10876: 'Supermicro',
  15370: 'Gigabyte',
  19046: 'Lenovo',
  47196: 'HPE',
}

/** A machine through its BMC, by IPMI 2.0. Sessions are opened when something is asked and closed after 45 s of silence. */
export class IpmiDriver implements PowerDriver {
  readonly kind = 'ipmi'
  readonly actions = POWER_ACTIONS
  readonly #around: LinkAround
  readonly #target: Target
  readonly #tooLong: Refusal | undefined
  readonly #link: Link
  readonly #sensors: SensorReader

  constructor(around: LinkAround, settings: SettingsOf<'ipmi'>, secrets: DriverSecrets) {
    this.#around = around
    this.#target = targetOf(settings, secrets)
    const { whom, credentials } = this.#target
    if (credentials.password.length > MOST_PASSWORD_BYTES) this.#tooLong = passwordTooLong(whom, MOST_PASSWORD_BYTES)
    this.#link = new Link(around, this.#target)
    this.#sensors = new SensorReader(this.#link)
  }

  state(): Promise<PowerState> {
    return this.#do(async (options) => {
      const { isOn } = await this.#link.call(GET_CHASSIS_STATUS, undefined, options)
      return isOn ? 'on' : 'off'
    })
  }

  perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    return this.#do(async (options) => {
      if (action === 'cycle') {
        // Opens the session, so that from the order on nothing but the order takes time.
        await this.#link.call(GET_CHASSIS_STATUS, undefined, options)
        note?.('shows-off')
      }
      try {
        const alone = NOT_TWICE[action]
        await this.#link.call(CHASSIS_CONTROL, action, { ...options, once: alone !== undefined, alone })
      } catch (error) {
        // Some say so to a machine that is as it is wanted already.
        const isRefused = error instanceof CompletionError && error.code === COMPLETION.notInThisState
        if (!isRefused || (action !== 'on' && action !== 'off')) throw error
        const { isOn } = await this.#link.call(GET_CHASSIS_STATUS, undefined, options)
        if (isOn !== (action === 'on')) throw error
      }
    })
  }

  bootOrder(): Promise<BootOrder | null> {
    return this.#do((options) => readBootOrder(this.#link, options))
  }

  setBootOrder(order: BootOrder | null): Promise<void> {
    return this.#do((options) => writeBootOrder(this.#link, order, options))
  }

  /** IPMI counts seconds in a byte: 255 at most. */
  identify(seconds: number | null): Promise<void> {
    const counted = seconds === null ? null : Math.min(MOST_IDENTIFY_SECONDS, Math.max(0, Math.round(seconds)))
    return this.#do((options) => this.#link.call(CHASSIS_IDENTIFY, { seconds: counted }, options))
  }

  sensors(): Promise<readonly Sensor[]> {
    return this.#do((options) => this.#sensors.read(options))
  }

  events(): Promise<readonly HardwareEvent[]> {
    const nameOf = (generator: number, sensor: number) => this.#sensors.nameOf(generator & 0xff, sensor)
    return this.#do((options) => readEvents(this.#link, nameOf, options))
  }

  clearEvents(): Promise<void> {
    return this.#do((options) => clearEvents(this.#link, options))
  }

  fru(): Promise<Fru> {
    return this.#do((options) => readFru(this.#link, options))
  }

  /**
   * Over a session and a socket of its own: some BMCs tell clients apart by their port. Whoever has the line now loses it, because
   * BMCs keep it for clients that are long gone.
   */
  openConsole(): Promise<ConsoleLine> {
    return this.#do((options) => {
      const port = new IpmiPort(this.#around.log)
      return openSerialLine(new Link({ ...this.#around, port }, this.#target), options, () => void port.close())
    })
  }

  raw(request: RawRequest): Promise<RawAnswer> {
    return this.#do((options) => this.#link.ask(request, { ...options, once: true }))
  }

  probe(): Promise<string> {
    return this.#do(async (options) => {
      const id = await this.#link.call(GET_DEVICE_ID, undefined, options)
      const { suite } = this.#link
      const { isOn } = await this.#link.call(GET_CHASSIS_STATUS, undefined, options)
      const maker = MAKERS[id.manufacturer] ?? `maker ${id.manufacturer}`
      const { major, minor } = id.firmware
      const firmware = `firmware ${major}.${minor.toString().padStart(2, '0')}`
      return `IPMI ${id.ipmi.major}.${id.ipmi.minor}, ${maker}, ${firmware}, cipher suite ${suite}, the machine is ${isOn ? 'on' : 'off'}`
    })
  }

  async close(): Promise<void> {
    this.#link.close()
  }

  async #do<T>(work: (options: Timed) => Promise<T>): Promise<T> {
    if (this.#tooLong) throw this.#tooLong
    try {
      return await work({ until: performance.now() + CALL_MS })
    } catch (error) {
      if (error instanceof CompletionError) throw answeredNo(this.#target.whom, error)
      throw error
    }
  }
}

function targetOf(settings: SettingsOf<'ipmi'>, secrets: DriverSecrets): Target {
  const { address: host, port, user, privilege, cipherSuite } = settings
  const utf8 = new TextEncoder()
  const kg = secrets.kg?.reveal()
  const where = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  return {
    host,
    port,
    suite: cipherSuite === 'auto' ? 'auto' : (Number(cipherSuite) as IpmiSuite),
    credentials: {
      name: utf8.encode(user),
      password: utf8.encode(secrets.password?.reveal() ?? ''),
      kg: kg ? keyBytes(kg) : undefined,
      privilege: PRIVILEGE_LEVEL[privilege],
    },
    whom: { where, user, privilege },
  }
}

/** The BMC key as it is written: `0x` and hexadecimal digits, or the characters themselves. */
function keyBytes(text: string): Uint8Array {
  if (!/^0x([0-9a-fA-F]{2}){1,20}$/.test(text)) return new TextEncoder().encode(text)
  return Uint8Array.from(text.slice(2).match(/../g)!, (digits) => Number.parseInt(digits, 16))
}
