import type { Clock } from '../kit/clock.ts'
import type { Machine } from '../machines/machine.ts'
import type { Network } from '../networks/network.ts'
import type { Sealer } from '../secrets/sealer.ts'
import type { ConfigRepository } from './config.ts'
import type { Languages } from './rendering.ts'
import type { ConfigUsers } from './users.ts'

/** What configs need of the rest of the server. */
export type ConfigsAround = Readonly<{
  repository: ConfigRepository
  languages: Languages
  sealer: Sealer
  clock: Clock
  events: { publish(event: { topic: 'config'; id: string; change: 'saved' | 'removed' }): void }
  /** By id, name or MAC. */
  machine: (reference: string) => Machine | undefined
  /** The network of a machine, and where the machine is or will be in it. */
  place: (machine: Machine) => Readonly<{ network: Network | undefined; address: string | null }>
  /** Base URL of the server as machines reach it, for previews. */
  server: () => string
  users: (config: string) => ConfigUsers
}>
