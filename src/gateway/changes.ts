import type { Bmc, Privilege } from './bmc.ts'
import type { CommandClass } from './routes.ts'

/** `routes` are merged; `null` takes one back. */
export type BmcPatch = Readonly<
  Partial<Pick<Bmc, 'enabled' | 'address' | 'port' | 'cipherSuites' | 'clients'>> & {
    routes?: Readonly<Partial<Record<CommandClass, string | null>>> | undefined
  }
>

export type UserChange = Readonly<{
  privilege?: Privilege | undefined
  enabled?: boolean | undefined
  password?: string | undefined
  newPassword: boolean
}>
