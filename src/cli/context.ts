import type { ApiClient } from '../api/client/client.ts'
import type { Target } from '../api/client/node.ts'
import type { Finding } from '../api/contract/server.ts'
import type { Clock } from '../kit/clock.ts'
import type { Terminal } from './terminal.ts'

/** Settings given as flags, by setting name; `config` names the file. */
export type SettingFlags = Readonly<Record<string, string | undefined>>

/** One packet of a replayed capture: what would have been decided, and why. */
export type Replayed = Readonly<{ at: number; summary: string; reason: string }>

/** A disk image to be made of a root filesystem; see `src/imaging/build.ts`. */
export type ImageOrder = Readonly<{
  file: string
  from: string
  size: number | undefined
  cmdline: string
  firmware: readonly ('bios' | 'uefi')[]
  kernel: string | undefined
  initrd: string | undefined
}>
export type BuiltImage = Readonly<{
  file: string
  bytes: number
  allocatedBytes: number
  kernel: string
  initrd: string | null
  notes: readonly string[]
}>

/** A config to be checked, and what is wrong with it. */
export type ConfigDraft = Readonly<{
  kind: string
  parts: readonly Readonly<{ name: string; content: string }>[]
  variables: readonly Readonly<{ name: string; type?: string | undefined; default?: unknown }>[]
}>
export type CheckedConfig = Readonly<{
  valid: boolean
  machines: number
  problems: readonly Readonly<{
    severity: 'error' | 'warning'
    part: string
    path: string
    line: number | null
    column: number | null
    message: string
    hint: string
  }>[]
}>

/** What a backup holds besides the database and the keys. */
export type BackupChoice = Readonly<{ images: boolean; volumes: boolean }>
/** What is in a whole backup. `madeAt`: milliseconds since 1970; `leftOut`: what is not in it, one sentence each. */
export type BackupFacts = Readonly<{
  version: string
  madeAt: number
  files: number
  bytes: number
  leftOut: readonly string[]
}>
export type RestoredFacts = BackupFacts & Readonly<{ dataDir: string; aside: string | null }>

/** What works without a running server; `local.ts` is the real one. */
export interface Local {
  serve(flags: SettingFlags): Promise<void>
  doctor(flags: SettingFlags): Promise<Finding[]>
  /** Checks a config as the server would, for a machine that stands for any. */
  checkConfig(draft: ConfigDraft): Promise<CheckedConfig>
  replay(flags: SettingFlags, capture: Uint8Array): Promise<readonly Replayed[]>
  /** A packed backup of a data directory that no server holds. */
  backup(flags: SettingFlags, parts: BackupChoice): Promise<AsyncIterable<Uint8Array>>
  /** Reads a backup to its end; refuses one that is not whole. */
  inspectBackup(file: string): Promise<BackupFacts>
  restore(flags: SettingFlags, file: string, how: Readonly<{ force: boolean }>): Promise<RestoredFacts>
  /** `tell` is given what is being done, in words. */
  buildImage(order: ImageOrder, tell: (text: string) => void): Promise<BuiltImage>
}

/** What every command receives. */
export type Context = Readonly<{
  terminal: Terminal
  clock: Clock
  environment: Readonly<Record<string, string | undefined>>
  cwd: string
  /** Where the server is; a `Refusal` when that cannot be known. */
  target: () => Promise<Target>
  client: () => Promise<ApiClient>
  local: Local
  /** Fires when the user wants to stop (Ctrl-C). */
  interrupted: AbortSignal
}>
