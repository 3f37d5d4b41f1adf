import { DecodeError, Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import type { Machine } from '../machines/machine.ts'
import type { Power } from '../power/power.ts'
import type { Profile } from '../profiles/profile.ts'
import { ASK, CODE } from './codes.ts'
import {
  BOOT_MENU,
  BOOT_MENU_LIST,
  DEVICE_INFO,
  DEVICE_POWER,
  decodeStruct,
  encodeStruct,
  HOST_INFO,
  type Message,
  type Result,
  USER_LIST,
  USER_PASSWORD,
} from './structs.ts'

/** What the service does is what the rest of the server does already; this is all that it needs of it. */
export type DeskParts = Readonly<{
  /** By name, address, MAC or id. */
  findMachine: (host: string) => Machine | undefined
  profiles: () => readonly Profile[]
  /** Sets what the machine boots by default. */
  setProfile: (machine: Machine, profile: string, by: string) => Promise<unknown>
  /** Opens the master of a profile for a machine; without volumes there is nothing to open. */
  maintenance?:
    | Readonly<{
        start: (profile: string, machine: Machine, by: string) => Promise<unknown>
        /** The profile that is open on this machine. */
        openOn: (machine: Machine) => string | undefined
      }>
    | undefined
  power: (machine: Machine) => Power | undefined
  addressOf: (machine: Machine) => string | undefined
  guests: Readonly<{
    accessOf: (machine: string) => unknown
    facts: (machine: Machine) => Promise<{ hostname: string }>
    userNames: (machine: Machine) => Promise<readonly string[]>
    setPassword: (machine: Machine, user: string, password: Secret) => Promise<void>
  }>
  /** Sends a message to the service of a running system. */
  forward: (message: Message, address: string) => Promise<Result>
  /** Writes a change to the audit log. */
  audit: (deed: Deed) => Promise<void>
  log: Log
}>

export type Deed = Readonly<{
  address: string
  action: string
  subject: string
  detail: string
  outcome: 'ok' | 'refused'
}>

/** Who is named as the one who made a change. */
const BY = 'thrift'

/** Answers messages. Every answer is a result; nothing is thrown. */
export class Desk {
  readonly #with: DeskParts

  constructor(parts: DeskParts) {
    this.#with = parts
  }

  /** `address`: of the client, for the audit log. */
  async answer(message: Message, address: string): Promise<Result> {
    try {
      return await this.#answer(message, address)
    } catch (error) {
      if (error instanceof DecodeError) return said(CODE.invalidBody, 'invalid message body')
      if (error instanceof Refusal) return said(CODE.exception, error.message)
      this.#with.log.error({ type: message.type, error }, 'a Thrift message could not be answered')
      return said(CODE.unknown, 'unknown error')
    }
  }

  #answer(message: Message, address: string): Promise<Result> | Result {
    switch (message.type) {
      case ASK.ping:
        return said(CODE.ok, 'pong')
      case ASK.getBootMenu:
        return this.#menus(message)
      case ASK.setBootMenu:
        return this.#setMenu(message, address)
      case ASK.getDeviceInfo:
        return this.#device(message)
      case ASK.setDevicePower:
        return this.#setPower(message, address)
      case ASK.getHostInfo:
      case ASK.setHostInfo:
      case ASK.getUserList:
      case ASK.setUserPassword:
        return this.#guest(message, address)
      default:
        return said(CODE.unknownType, 'unknown message type')
    }
  }

  #machine({ host }: Message): Machine | undefined {
    return host === undefined || host === '' ? undefined : this.#with.findMachine(host)
  }

  #menus(message: Message): Result {
    const named = message.host !== undefined && message.host !== ''
    const machine = this.#machine(message)
    if (named && !machine) return said(CODE.unknownHost, 'unknown host')
    return { code: CODE.ok, message: encodeStruct(BOOT_MENU_LIST, { menus: menusOf(this.#with.profiles(), machine) }) }
  }

  async #setMenu(message: Message, address: string): Promise<Result> {
    const { menu, superTube } = decodeStruct(BOOT_MENU, message.body)
    const machine = this.#machine(message)
    if (!machine) return said(CODE.unknownHost, 'invalid request host')
    if (!menusOf(this.#with.profiles(), machine).includes(menu)) return said(CODE.noSuchMenu, 'boot menu not existed')
    const { maintenance, setProfile } = this.#with
    const open = maintenance?.openOn(machine)
    if (!superTube && open !== undefined)
      throw new Refusal(
        'wrong-state',
        `${open} is open for maintenance on ${machine.name}; publish or discard that first`,
      )
    if (superTube && !maintenance)
      throw new Refusal('not-available', 'this server serves no volumes, so that there is no master to open')
    return this.#audited(
      address,
      'machine.boot',
      machine,
      `profile ${menu}${superTube ? ', master' : ''}`,
      async () => {
        if (superTube && open !== menu) await maintenance!.start(menu, machine, BY)
        await setProfile(machine, menu, BY)
        return said(CODE.ok, 'success')
      },
    )
  }

  async #device(message: Message): Promise<Result> {
    if (!message.host) return said(CODE.unknownHost, 'unknown host')
    const machine = this.#machine(message)
    const power = machine && this.#with.power(machine)
    if (!machine || !power) return said(CODE.noDevice, 'nothing is known that could switch this host')
    const state = await power.state()
    const info = {
      mcuname: machine.name,
      note: machine.notes,
      isonline: state === 'unknown' ? 0 : 1,
      power: state === 'on' ? 1 : 0,
      mcuid: machine.id,
    }
    return { code: CODE.ok, message: encodeStruct(DEVICE_INFO, info) }
  }

  async #setPower(message: Message, address: string): Promise<Result> {
    const { status } = decodeStruct(DEVICE_POWER, message.body)
    if (!message.host) return said(CODE.unknownHost, 'unknown host')
    if (status !== 0 && status !== 1) return said(CODE.badPowerStatus, 'invalid power status')
    const machine = this.#machine(message)
    const power = machine && this.#with.power(machine)
    if (!machine || !power) return said(CODE.noDevice, 'nothing is known that could switch this host')
    const action = status === 1 ? 'on' : 'off'
    return this.#audited(address, 'machine.power', machine, action, async () => {
      const state = await power.perform(action).catch((error: unknown) => {
        if (error instanceof Refusal) return error.message
        throw error
      })
      // Wake-on-LAN and the like take an order and never tell what came of it.
      if (state === action || state === 'unknown') return said(CODE.ok, 'success')
      return said(CODE.powerFailed, state === 'on' || state === 'off' ? `the host is still ${state}` : state)
    })
  }

  async #guest(message: Message, client: string): Promise<Result> {
    const machine = this.#machine(message)
    if (!machine) return said(CODE.unknownHost, 'unknown host')
    const address = this.#with.addressOf(machine)
    if (address === undefined) return said(CODE.unknownHost, 'the address of this host is not known')
    const answer = () =>
      this.#with.guests.accessOf(machine.id) === undefined
        ? this.#with.forward(message, address)
        : this.#throughSsh(message, machine, address)
    if (message.type === ASK.setUserPassword) {
      const { userName } = decodeStruct(USER_PASSWORD, message.body)
      return this.#audited(client, 'guest.password', machine, `user ${userName}`, answer)
    }
    if (message.type === ASK.setHostInfo) decodeStruct(HOST_INFO, message.body)
    return answer()
  }

  async #throughSsh(message: Message, machine: Machine, ipAddress: string): Promise<Result> {
    const { guests } = this.#with
    switch (message.type) {
      case ASK.getHostInfo: {
        const facts = await refusedWith(CODE.connectFailed, () => guests.facts(machine))
        if ('code' in facts) return facts
        return { code: CODE.ok, message: encodeStruct(HOST_INFO, { hostName: facts.hostname, ipAddress }) }
      }
      case ASK.getUserList: {
        const users = await refusedWith(CODE.userListFailed, () => guests.userNames(machine))
        if ('code' in users) return users
        return { code: CODE.ok, message: encodeStruct(USER_LIST, { users }) }
      }
      case ASK.setUserPassword: {
        const { userName, password } = decodeStruct(USER_PASSWORD, message.body)
        const done = await refusedWith(CODE.setPasswordFailed, async () => {
          await guests.setPassword(machine, userName, new Secret(password))
          return {}
        })
        return 'code' in done ? done : said(CODE.ok, 'success')
      }
      default:
        throw new Refusal('wrong-state', 'the host information of a machine that is reached through SSH is its own')
    }
  }

  async #audited(address: string, action: string, machine: Machine, detail: string, work: () => Promise<Result>) {
    const deed = { address, action, subject: machine.name, detail }
    try {
      const result = await work()
      await this.#with.audit({ ...deed, outcome: result.code === CODE.ok ? 'ok' : 'refused' })
      return result
    } catch (error) {
      await this.#with.audit({ ...deed, outcome: 'refused' })
      throw error
    }
  }
}

/** The code belongs to the message; the sentence is ours. */
async function refusedWith<T extends object>(code: number, work: () => Promise<T>): Promise<T | Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Refusal) return said(code, error.message)
    throw error
  }
}

export function said(code: number, text: string): Result {
  return { code, message: new TextEncoder().encode(text) }
}

/**
 * What S4 calls boot menus: the diskless profiles; for a machine that boots a menu the entries of that menu, without those that ask
 * for a password on its screen.
 */
export function menusOf(profiles: readonly Profile[], machine: Machine | undefined): string[] {
  const own = profiles.find(({ name }) => name === machine?.profile)
  if (own?.kind === 'menu') return own.items.filter(({ password }) => password === null).map(({ profile }) => profile)
  return profiles.filter(({ kind }) => kind === 'diskless').map(({ name }) => name)
}
