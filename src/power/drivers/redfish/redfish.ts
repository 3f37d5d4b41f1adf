import { createHash } from 'node:crypto'
import type { Clock } from '../../../kit/clock.ts'
import type { Log } from '../../../kit/log.ts'
import type { DriverFactory } from '../../configured.ts'
import { RedfishClient, type Target } from './client.ts'
import { RedfishDriver } from './driver.ts'

type Shared = { readonly client: RedfishClient; users: number }

/**
 * Makes drivers of kind `redfish`. Machines behind the same service with the same account share its session and its pace: BMCs
 * have few sessions, and chassis with many blades have one service.
 */
export function redfishDrivers({ log }: { clock: Clock; log: Log }): {
  factory: DriverFactory
  close(): Promise<void>
} {
  const shared = new Map<string, Shared>()
  const factory: DriverFactory = (settings, secrets, machine) => {
    if (settings.kind !== 'redfish') throw new Error(`a driver of kind ${settings.kind} is none of redfish`)
    const { user, fingerprint, system } = settings
    const target: Target = { url: settings.url, user, fingerprint, password: secrets.password }
    const key = keyOf(target)
    const entry = shared.get(key) ?? { client: new RedfishClient(target), users: 0 }
    shared.set(key, entry)
    entry.users++
    let released = false
    return new RedfishDriver({
      client: entry.client,
      system,
      log: log.child({ machine: machine.name, driver: 'redfish' }),
      async release() {
        if (!released) entry.users--
        released = true
        if (entry.users > 0) return
        if (shared.get(key) === entry) shared.delete(key)
        await entry.client.close()
      },
    })
  }
  return {
    factory,
    async close() {
      const all = [...shared.values()]
      shared.clear()
      await Promise.all(all.map(({ client }) => client.close()))
    },
  }
}

function keyOf({ url, user, fingerprint, password }: Target): string {
  const parts = [new URL(url).origin, user, fingerprint ?? '', password?.reveal() ?? '']
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
