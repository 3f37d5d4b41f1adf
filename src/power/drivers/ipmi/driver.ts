import type { Log } from '../../../kit/log.ts'
import type { IpmiCryptography } from '../../../protocols/ipmi/cryptography.ts'
import type { DriverFactory } from '../../configured.ts'
import { Addresses } from './addresses.ts'
import { IpmiDriver } from './ipmi-driver.ts'
import { IpmiPort } from './port.ts'
import { Turnstile } from './turnstile.ts'

/** How many BMCs are spoken to at once: of those that answered last, and of the others. */
const PLACES = { lively: 256, unproven: 128 } as const

/** Makes drivers of kind `ipmi`, which share one socket and one limit. `close` ends all sessions. */
export function ipmiDrivers(
  around: Readonly<{
    cryptography: IpmiCryptography
    log: Log
    places?: Readonly<{ lively: number; unproven: number }>
    addresses?: Addresses
  }>,
): { factory: DriverFactory; close(): Promise<void> } {
  const port = new IpmiPort(around.log)
  const turnstile = new Turnstile(around.places ?? PLACES)
  const { cryptography, log, addresses = new Addresses() } = around
  const shared = { port, turnstile, addresses, cryptography, log, links: new Set<{ close(): void }>() }
  return {
    factory(settings, secrets) {
      if (settings.kind !== 'ipmi')
        throw new TypeError(`drivers of IPMI cannot be made of settings of ${settings.kind}`)
      return new IpmiDriver(shared, settings, secrets)
    },
    async close() {
      for (const link of shared.links) link.close()
      await port.close()
    },
  }
}
