import type { Problem } from '../protocols/ignition/document.ts'

/**
 * What a config is, and so how it is read, escaped, checked and handed to a machine. `snippet` is included by others and given to nobody.
 */
export const CONFIG_KINDS = [
  'butane',
  'ignition',
  'cloud-init',
  'autoinstall',
  'preseed',
  'kickstart',
  'autoyast',
  'unattend',
  'shell',
  'text',
  'snippet',
] as const
export type ConfigKind = (typeof CONFIG_KINDS)[number]

export const VARIABLE_TYPES = ['string', 'number', 'boolean', 'list', 'secret'] as const

/** A value that a config asks for besides what is known of the machine. */
export type Variable = Readonly<{
  name: string
  type: (typeof VARIABLE_TYPES)[number]
  /** Used where no value is set for the machine; `null`: one must be set. Secrets have none. */
  default: string | number | boolean | readonly string[] | null
  description: string
}>

/** One of the texts of a version: `main`, `user-data`, `meta-data`, `network-config`, `vendor-data`, or the path of a file that Butane includes (`local`). */
export type ConfigPart = Readonly<{
  name: string
  content: string
  /** In a tree of Butane: a program. */
  executable?: boolean | undefined
}>

/** Never changed. `number` counts from 1. */
export type ConfigVersion = Readonly<{
  number: number
  parts: readonly ConfigPart[]
  variables: readonly Variable[]
  note: string
  /** The versions of the snippets that it includes, so that a version which is pinned stays as it is. A change of one makes a new version. */
  snippets?: Readonly<Record<string, number>> | undefined
  createdAt: number
  createdBy: string
}>

export type Config = Readonly<{
  name: string
  kind: ConfigKind
  description: string
  /** Oldest first; the last one is the newest. */
  versions: readonly ConfigVersion[]
  createdAt: number
  updatedAt: number
}>

/** Whose value it is: everybody's, that of machines with a tag (`tag:NAME`), or that of one machine (`machine:ID`). The nearest wins. */
export type ValueScope = 'all' | `tag:${string}` | `machine:${string}`

/** A value for variables of that name. A secret is kept sealed and never shown. */
export type Value = Readonly<{
  scope: ValueScope
  name: string
  /** JSON; `null` where it is a secret. */
  value: unknown
  sealed: string | null
  updatedAt: number
}>

/** Durable when a call returns. */
export interface ConfigRepository {
  configs(): Promise<readonly Config[]>
  saveConfig(config: Config): Promise<void>
  removeConfig(name: string): Promise<void>
  values(): Promise<readonly Value[]>
  /** All in one commit. */
  saveValues(values: readonly Value[]): Promise<void>
  removeValue(scope: ValueScope, name: string): Promise<void>
  /** Whether this was given to this boot before; remembers that it is now. `boot`: what the capability of the boot says. */
  takeOnce(boot: string, part: string, at: number): Promise<boolean>
  /** It did not arrive: may be given again. */
  giveBack(boot: string, part: string): Promise<void>
  /** Forgets what was given before that time. */
  forgetTaken(before: number): Promise<void>
}

/** A config as it goes to one machine. `secret`: parts that hold secret values, which are given once. */
export type RenderedConfig = Readonly<{
  config: string
  version: number
  kind: ConfigKind
  /** What is delivered, by name: `ignition.json`, `user-data`, ... */
  parts: readonly Readonly<{ name: string; contentType: string; content: string; secret: boolean }>[]
  /** Errors mean that nothing is delivered. */
  problems: readonly ConfigProblem[]
}>

/** A problem and the part (`main`, a local file, a snippet) in which it is. */
export type ConfigProblem = Problem & Readonly<{ part: string }>
