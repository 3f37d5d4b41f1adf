import { createSocket } from 'node:dgram'
import { Refusal } from '../../../kit/errors.ts'
import { broadcastOf, formatIpv4, type Subnet } from '../../../kit/ip.ts'
import { type Mac, macToBytes, parseMac } from '../../../kit/mac.ts'
import { encodeMagicPacket } from '../../../protocols/wol/magic-packet.ts'
import type { DriverFactory } from '../../configured.ts'
import type { PowerDriver } from '../../driver.ts'
import type { PowerAction } from '../../power.ts'
import { refusedAction } from '../../refused-action.ts'
import type { SettingsOf } from '../../settings.ts'

/** Networks may lose one: as many are sent, so far apart in milliseconds. */
const COPIES = 3
const GAP_MS = 100

type Interface = Readonly<{ name: string; attachments: readonly Readonly<{ subnet: Subnet }>[] }>

/** What the driver needs of this computer. `interfaces`: those that are up, as they are now. */
export type WakeSurroundings = Readonly<{ interfaces: () => readonly Interface[] }>

type Wake = Readonly<{
  macs: readonly Mac[]
  secureOn: Uint8Array | null
  broadcast: string | null
  port: number
  address: () => string | null
}>

/**
 * Wakes a machine that is off and whose network card listens. Nothing answers: that a packet was sent proves nothing, and there is
 * no state. It goes to the broadcast address given, else to that of each interface of this computer, and to where the machine was
 * last, which a router may know.
 */
class WakeOnLan implements PowerDriver {
  readonly kind = 'wol'
  readonly actions: readonly PowerAction[] = ['on']
  readonly #wake: Wake
  readonly #with: WakeSurroundings

  constructor(wake: Wake, surroundings: WakeSurroundings) {
    this.#wake = wake
    this.#with = surroundings
  }

  async perform(action: PowerAction): Promise<void> {
    if (action !== 'on') throw refusedAction(this.kind, action, this.actions)
    const { port, secureOn } = this.#wake
    const targets = this.#targets()
    const packets = this.#macs().map((mac) => encodeMagicPacket({ mac, secureOn }))
    const socket = createSocket('udp4')
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind(0, resolve)
      })
      socket.setBroadcast(true)
      let sent = 0
      let problem = ''
      for (let copy = 0; copy < COPIES; copy++) {
        if (copy > 0) await new Promise((resolve) => setTimeout(resolve, GAP_MS))
        for (const target of targets)
          for (const packet of packets)
            await new Promise<void>((resolve) =>
              socket.send(packet, port, target, (error) => {
                if (error) problem ||= (error as NodeJS.ErrnoException).code ?? 'an error'
                else sent++
                resolve()
              }),
            )
      }
      if (sent === 0)
        throw new Refusal('not-available', `no wake-up packet could be sent to ${targets.join(', ')}: ${problem}`, {
          next: 'see that this server has a route there, or set `broadcast` of the driver',
        })
    } finally {
      socket.close()
    }
  }

  async probe(): Promise<string> {
    return `wakes ${this.#macs().join(', ')} by packets to ${this.#targets().join(', ')} port ${this.#wake.port}; nothing answers them`
  }

  async close(): Promise<void> {}

  #macs(): readonly Mac[] {
    if (this.#wake.macs.length > 0) return this.#wake.macs
    throw new Refusal('wrong-state', 'no address of a network card is known that could be woken', {
      next: 'give the machine its MAC address, or the driver `macs`',
    })
  }

  #targets(): readonly string[] {
    const { broadcast, address } = this.#wake
    const own = this.#with
      .interfaces()
      .flatMap(({ attachments }) => attachments.map(({ subnet }) => subnet))
      // A subnet of one or two addresses has no broadcast address (RFC 3021).
      .filter(({ prefix }) => prefix < 31)
      .map((subnet) => formatIpv4(broadcastOf(subnet)))
    const last = address()
    const directed = last !== null && /^\d+(\.\d+){3}$/.test(last) ? [last] : []
    const targets = [...new Set([...(broadcast === null ? own : [broadcast]), ...directed])]
    if (targets.length > 0) return targets
    throw new Refusal('not-available', 'no network interface of this server is up with an IPv4 address', {
      next: 'bring one up, or set `broadcast` of the driver to an address that is routed',
    })
  }
}

/** Refuses (`validation-failed`) what is no MAC address. */
export function wakeOnLanFactory(surroundings: WakeSurroundings): DriverFactory {
  return (settings, secrets, machine) => {
    const { macs, broadcast, port } = settings as SettingsOf<'wol'>
    const given = macs.length > 0 ? macs : machine.macs
    const password = secrets.secureOn?.reveal()
    return new WakeOnLan(
      {
        macs: given.map((text) => macOf(text, `${text} is not the MAC address of a network card`)),
        secureOn: password === undefined || password === '' ? null : secureOnBytes(password),
        broadcast,
        port,
        address: machine.address,
      },
      surroundings,
    )
  }
}

function macOf(text: string, problem: string): Mac {
  const mac = parseMac(text)
  if (mac === undefined)
    throw new Refusal('validation-failed', problem, { next: 'give six bytes such as 52:54:00:12:34:56' })
  return mac
}

/** Any six bytes; the password of SecureOn need not be the address of a station. */
function secureOnBytes(text: string): Uint8Array {
  if (/^[0-9a-f]{2}([:-]?[0-9a-f]{2}){5}$/i.test(text))
    return macToBytes(text.replace(/[:-]/g, '').toLowerCase() as Mac)
  throw new Refusal('validation-failed', 'the SecureOn password is not six bytes', {
    next: 'give six bytes in hexadecimal such as 01:02:03:04:05:06',
  })
}
