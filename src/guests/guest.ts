import { Refusal } from '../kit/errors.ts'
import type { Secret } from '../kit/secret.ts'

/** What proves to a running system that we may log in: a password, a private key, or both (the key is tried first). */
export type GuestSecret = Readonly<{ password: Secret | null; privateKey: Secret | null }>

/** How the running system of one machine is reached. `hostKey`: SHA256:... as OpenSSH prints it; `null` until it was seen once. */
export type GuestAccess = Readonly<{
  machine: string
  user: string
  port: number
  hostKey: string | null
  secret: GuestSecret
}>

/** What is kept of an access: the secrets are sealed with a key that is not in the database. */
export type SealedAccess = Readonly<Omit<GuestAccess, 'secret'> & { sealed: string }>

/** Durable when a call returns. */
export interface GuestRepository {
  all(): Promise<readonly SealedAccess[]>
  save(access: SealedAccess): Promise<void>
  remove(machine: string): Promise<void>
}

/** Seals secrets. What was sealed for one machine does not open for another. */
export interface GuestSealer {
  seal(machine: string, secret: GuestSecret): string
  /** Refused (`corrupt`) when the key or the text is not what it was. */
  open(machine: string, sealed: string): GuestSecret
}

/** Where to log in, and as whom. */
export type GuestTarget = Readonly<{
  address: string
  port: number
  user: string
  /** The only host key that is accepted; `null`: any. */
  hostKey: string | null
  secret: GuestSecret
}>

/** How a command ended. `code` is `null` when a signal ended it or the connection was lost first (`lost`). Output is UTF-8. */
export type GuestOutcome = Readonly<{
  code: number | null
  lost: boolean
  stdout: string
  stderr: string
}>

/** `timeoutMs`: 20 seconds if left out. Output beyond 256 KiB is refused (`too-large`). */
export type GuestCommand = Readonly<{ input?: string | undefined; timeoutMs?: number | undefined }>

/** A terminal with a program in it. Bytes that come before `listen` are kept, within bounds, and handed over first. */
export interface GuestTerminal {
  /** `ended` is called once, with the reason, when it is gone for any other reason than `close`. */
  listen(received: (bytes: Uint8Array) => void, ended: (why: string) => void): void
  write(bytes: Uint8Array): void
  close(): void
}

/** The system answered and did not let us in. */
export class LoginRefusal extends Refusal {}

/** A login to one system. Close it: nothing is kept between two operations. */
export interface GuestConnection {
  /** The host key that was seen. */
  readonly hostKey: string
  run(command: string, options?: GuestCommand): Promise<GuestOutcome>
  close(): void
}

/** Logs in to running systems. Everything that goes wrong is a `Refusal` without secrets: unreachable, refused, host key changed, wrong credentials. */
export interface GuestConnector {
  /** `timeoutMs`: 15 seconds if left out, for the connection and the login together. */
  connect(target: GuestTarget, timeoutMs?: number): Promise<GuestConnection>
  /** Why a private key cannot be used; `undefined`: it can. */
  keyProblem(privateKey: string): string | undefined
}

/** The disk of a machine that is off, for as long as `work` takes. Refused (`in-use`, `wrong-state`) when somebody may write to it. */
export type OfflineDisk = (machine: string, password: OfflinePassword) => Promise<void>

export type OfflinePassword = Readonly<{ user: string; password: Secret }>

/** `terminal`, `from` and `since` are as the system prints them; empty when it does not say. */
export type GuestUser = Readonly<{ name: string; terminal: string; from: string; since: string }>

export type GuestFacts = Readonly<{
  hostname: string
  os: string
  kernel: string
  uptimeSeconds: number
  addresses: readonly string[]
  users: readonly GuestUser[]
}>

export const GUEST_FAMILIES = ['unix', 'windows'] as const
export type GuestFamily = (typeof GUEST_FAMILIES)[number]
