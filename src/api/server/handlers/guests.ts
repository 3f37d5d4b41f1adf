import { Refusal } from '../../../kit/errors.ts'
import { Secret } from '../../../kit/secret.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { machineOf } from './machines.ts'

/** The running systems of machines. */
export function guestHandlers({ machines, guests }: ApiDependencies) {
  const find = (reference: string) => machineOf(machines, reference)
  const serving = () => {
    if (!guests) throw new Refusal('not-available', 'this server does not reach running systems')
    return guests
  }
  return {
    async getGuest({ params }) {
      const { addresses, users, ...facts } = await serving().facts(find(params.machine))
      return { ...facts, addresses: [...addresses], users: [...users] }
    },
    async setGuestAccess({ params, body, by, about }) {
      const machine = find(params.machine)
      about(machine.name, `user ${body.user}, port ${body.port}`)
      return serving().setAccess(machine, body, by.name)
    },
    async setGuestPassword({ params, body, about }) {
      const machine = find(params.machine)
      about(machine.name, `user ${body.user}, via ${body.via}`)
      const password = new Secret(body.password)
      if (body.via === 'volume') await serving().setPasswordOffline(machine, body.user, password)
      else await serving().setPassword(machine, body.user, password)
    },
    async rebootGuest({ params, body, about }) {
      const machine = find(params.machine)
      about(machine.name, body.powerOff ? 'power off' : 'reboot')
      await serving().reboot(machine, body.powerOff)
    },
  } satisfies HandlersOf<'getGuest' | 'setGuestAccess' | 'setGuestPassword' | 'rebootGuest'>
}
