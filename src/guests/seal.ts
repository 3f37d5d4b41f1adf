import { Secret } from '../kit/secret.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { GuestSealer } from './guest.ts'

/** Seals the access to running systems; the machine's id is bound to what is sealed. */
export function guestSealer(sealer: Sealer): GuestSealer {
  const context = (machine: string) => `guest-access 1 ${machine}`
  return {
    seal(machine, { password, privateKey }) {
      const secrets = { password: password?.reveal() ?? null, privateKey: privateKey?.reveal() ?? null }
      return sealer.seal(context(machine), JSON.stringify(secrets))
    },
    open(machine, sealed) {
      const { password, privateKey } = JSON.parse(sealer.open(context(machine), sealed)) as Record<
        string,
        string | null
      >
      return { password: secret(password), privateKey: secret(privateKey) }
    },
  }
}

const secret = (text: string | null | undefined) => (typeof text === 'string' ? new Secret(text) : null)
