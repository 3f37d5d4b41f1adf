import { Refusal } from '../kit/errors.ts'
import type { Machine } from '../machines/machine.ts'
import type { ConfigsAround } from './around.ts'
import type {
  Config,
  ConfigKind,
  ConfigPart,
  ConfigProblem,
  ConfigVersion,
  RenderedConfig,
  ValueScope,
  Variable,
} from './config.ts'
import { ConfigValues } from './config-values.ts'
import { type Beside, type ConfigChange, changesOf, type DeclaredConfig, isSame } from './declared.ts'
import { type BootFacts, factsOf, previewFacts, SAMPLE_MACHINE, SAMPLE_NETWORK } from './facts.ts'
import { faultsOf, refuseFaults, refuseUsed, withoutWords, wordsOf } from './faults.ts'
import { DELIVERIES } from './kinds.ts'
import { patchOf } from './patch.ts'
import { renderConfig } from './rendering.ts'
import { givenWith, includersOf, snippetsOf, snippetVersions } from './snippets.ts'
import { resolve, valueFor } from './values.ts'

const MOST_CONFIGS = 10_000
const MOST_VERSIONS = 1000
/** Machines that a new version is tried on before it is kept. */
const MOST_TRIED = 10_000
const TRIED_AT_ONCE = 8
const MOST_PROBLEMS = 200

/** What a version is made of. */
export type NewVersion = Readonly<{ parts: readonly ConfigPart[]; variables: readonly Variable[]; note: string }>
export type Draft = NewVersion & Readonly<{ kind: ConfigKind }>
/** A problem, and on which machine it shows (`null`: on any). */
export type FoundProblem = ConfigProblem & Readonly<{ machine: string | null }>
export type Checked = Readonly<{ problems: readonly FoundProblem[]; machines: number }>

/** Templates with immutable versions. Held in memory, written through. */
export class Configs {
  readonly values: ConfigValues
  readonly #around: ConfigsAround
  readonly #configs: Map<string, Config>
  #last: Promise<unknown> = Promise.resolve()

  private constructor(around: ConfigsAround, configs: readonly Config[], values: ConfigValues) {
    this.#around = around
    this.#configs = new Map(configs.map((config) => [config.name, config]))
    this.values = values
  }

  static async open(around: ConfigsAround): Promise<Configs> {
    const { repository } = around
    return new Configs(around, await repository.configs(), await ConfigValues.open(around))
  }

  all(): readonly Config[] {
    return [...this.#configs.values()]
  }

  find(name: string): Config | undefined {
    return this.#configs.get(name)
  }

  get(name: string): Config {
    const config = this.#configs.get(name)
    if (config) return config
    throw new Refusal('not-found', `there is no config ${name}`, { next: 'list them: reveille config list' })
  }

  /** `NAME`, `NAME@3`. Refused (`not-found`) when there is no such config or version. */
  resolve(reference: string): Readonly<{ config: Config; version: ConfigVersion }> {
    const [name = '', number] = reference.split('@')
    const config = this.get(name)
    const version =
      number === undefined ? config.versions.at(-1) : config.versions.find((each) => each.number === Number(number))
    if (version) return { config, version }
    throw new Refusal('not-found', `${name} has no version ${number}`, {
      next: `see them: reveille config show ${name}`,
    })
  }

  has(reference: string): boolean {
    const [name = '', number] = reference.split('@')
    const versions = this.find(name)?.versions ?? []
    return number === undefined ? versions.length > 0 : versions.some((each) => each.number === Number(number))
  }

  /** Names of profiles, and of configs that include it where it is a snippet: their newest version, or one that a profile pins. */
  usedBy(name: string): readonly string[] {
    if (this.#configs.get(name)?.kind !== 'snippet') return this.#around.users(name).profiles
    const pinning = this.all().filter(({ name: config, versions }) => {
      const { pinned } = this.#around.users(config)
      return versions.some(({ number, snippets = {} }) => pinned.includes(number) && Object.hasOwn(snippets, name))
    })
    return [...new Set([...includersOf(name, this.all()), ...pinning])].map((each) => each.name)
  }

  /** The machines that are given its newest version. */
  usersOf(name: string): readonly Machine[] {
    return this.#around.users(name).machines
  }

  /** Refuses snippets that would break a config, for some machine that uses it. Those that come themselves are checked anyhow. */
  async #refuseBroken(beside: Beside): Promise<void> {
    const coming = new Set(beside.declared.map(({ name }) => name))
    for (const config of givenWith(coming, this.all())) {
      const { name, kind, versions } = config
      if (coming.has(name)) continue
      refuseMore(config)
      refuseFaults(await this.check({ ...versions.at(-1)!, kind }, { insteadOf: name }, beside), name)
    }
  }

  /** What includes snippets that have changed gets a new version: one that is pinned stays as it is. */
  async #withNewSnippets(names: readonly string[], by: string): Promise<void> {
    const note = `with the newest ${names.length === 1 ? 'snippet' : 'snippets'} ${names.join(', ')}`.slice(0, 500)
    for (const config of givenWith(new Set(names), this.all())) {
      const last = config.versions.at(-1)!
      const snippets = snippetVersions(last, (name) => this.find(name))
      if (JSON.stringify(last.snippets) !== JSON.stringify(snippets))
        await this.#saveVersion(config, { ...last, note }, by)
    }
  }

  /** Whether some config keeps a value of that name secret. */
  isSecret(name: string): boolean {
    return this.all().some(({ versions }) =>
      versions.at(-1)?.variables.some((variable) => variable.name === name && variable.type === 'secret'),
    )
  }

  /** One change after the other: each is decided by what the one before has kept. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const done = this.#last.then(change)
    this.#last = done.catch(() => undefined)
    return done
  }

  create(given: Draft & Readonly<{ name: string; description: string }>, by: string): Promise<Config> {
    return this.#inTurn(() => this.#create(given, by))
  }

  async #create(given: Draft & Readonly<{ name: string; description: string }>, by: string): Promise<Config> {
    const { name, kind, description } = given
    if (this.#configs.has(name))
      throw new Refusal('conflict', `there is a config ${name} already`, {
        next: `add a version of it: reveille config add ${name} FILE`,
      })
    if (this.#configs.size >= MOST_CONFIGS) throw new Refusal('too-large', `there are ${MOST_CONFIGS} configs already`)
    refuseFaults(await this.check(given))
    const now = this.#around.clock.now()
    return this.#saveVersion({ name, kind, description, versions: [], createdAt: now, updatedAt: now }, given, by)
  }

  /** The same content makes no version. Refused when a machine that uses the config could not be configured by it. */
  addVersion(name: string, given: NewVersion, by: string): Promise<Config> {
    return this.#inTurn(() => this.#addVersion(name, given, by))
  }

  async #addVersion(name: string, given: NewVersion, by: string): Promise<Config> {
    const config = this.get(name)
    const last = config.versions.at(-1)!
    if (isSame(last, given)) return config
    refuseMore(config)
    refuseFaults(await this.check({ ...given, kind: config.kind }, { insteadOf: name }))
    const declared = [{ ...given, name, kind: config.kind, description: '' }]
    if (config.kind === 'snippet') await this.#refuseBroken({ declared, value: () => undefined })
    const changed = await this.#saveVersion(config, given, by)
    if (config.kind === 'snippet') await this.#withNewSnippets([name], by)
    return changed
  }

  /**
   * What `applyAll` would do, or a `Refusal` for all: each is checked with the snippets and values that come with it, for every
   * machine that uses it now.
   */
  async planApply(
    declared: readonly DeclaredConfig[],
    values: Beside['value'] = () => undefined,
  ): Promise<ConfigChange[]> {
    const changes = changesOf(declared, (name) => this.#configs.get(name))
    const beside = { declared, value: values }
    for (const { change, declared: each, before } of changes)
      if (change !== 'none') refuseFaults(await this.check(each, { insteadOf: before && each.name }, beside), each.name)
    const snippets = changes.filter(({ change, declared: { kind } }) => change !== 'none' && kind === 'snippet')
    if (snippets.length > 0) await this.#refuseBroken(beside)
    if (this.#configs.size + changes.filter(({ change }) => change === 'create').length > MOST_CONFIGS)
      throw new Refusal('too-large', `there can be ${MOST_CONFIGS} configs`)
    return changes
  }

  /** Makes configs as planned, each with a new version where its texts or variables differ. */
  applyAll(plan: readonly ConfigChange[], by: string): Promise<void> {
    return this.#inTurn(() => this.#applyAll(plan, by))
  }

  async #applyAll(plan: readonly ConfigChange[], by: string): Promise<void> {
    const now = this.#around.clock.now()
    for (const { change, declared } of plan) {
      if (change === 'none') continue
      const { name, kind, description } = declared
      const before = this.#configs.get(name)
      const config = { name, kind, description, versions: before?.versions ?? [], createdAt: before?.createdAt ?? now }
      const last = config.versions.at(-1)
      if (last && isSame(last, declared)) await this.#save({ ...config, updatedAt: now })
      else await this.#saveVersion({ ...config, updatedAt: now }, declared, by)
    }
    const snippets = plan.filter(({ change, declared: { kind } }) => change !== 'none' && kind === 'snippet')
    const names = snippets.map(({ name }) => name)
    if (names.length > 0) await this.#withNewSnippets(names, by)
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(() => this.#remove(name))
  }

  async #remove(name: string): Promise<void> {
    refuseUsed(this.get(name), this.usedBy(name))
    await this.#around.repository.removeConfig(name)
    this.#configs.delete(name)
    this.#around.events.publish({ topic: 'config', id: name, change: 'removed' })
  }

  /**
   * What is wrong with a draft: by itself, with sample values; for one machine; or in place of a config, for every machine that
   * uses it.
   */
  async check(
    draft: Draft,
    how: Readonly<{ machine?: Machine | undefined; insteadOf?: string | undefined }> = {},
    beside?: Beside,
  ): Promise<Checked> {
    const faults = faultsOf(draft).map((each) => ({ ...each, machine: null }))
    if (faults.length > 0) return { problems: faults, machines: 0 }
    const as = how.insteadOf ?? 'draft'
    if (how.machine) {
      const { problems } = this.#render(as, 0, draft, how.machine, { secrets: 'hidden', samples: false, beside })
      return { problems: problems.map((each) => ({ ...each, machine: how.machine?.name ?? null })), machines: 1 }
    }
    const users = how.insteadOf === undefined ? [] : this.#around.users(how.insteadOf).machines.slice(0, MOST_TRIED)
    const alone = this.#render(as, 0, draft, SAMPLE_MACHINE, { secrets: 'hidden', samples: true, beside })
    const found: FoundProblem[] = alone.problems.map((each) => ({ ...each, machine: null }))
    const known = new Set(found.map(wordsOf))
    for (const [index, machine] of users.entries()) {
      // Thousands of machines take seconds, in which the server has others to answer.
      if (index % TRIED_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
      const { problems } = this.#render(as, 0, draft, machine, { secrets: 'hidden', samples: false, beside })
      for (const each of problems) if (!known.has(wordsOf(each))) found.push({ ...each, machine: machine.name })
      if (found.length >= MOST_PROBLEMS) break
    }
    return { problems: found.slice(0, MOST_PROBLEMS), machines: users.length }
  }

  /** What a machine is given. `boot`: for a boot, with its secrets; without: a preview, where secrets are hidden. */
  render(reference: string, machine: Machine, boot?: BootFacts): RenderedConfig {
    const { config, version } = this.resolve(reference)
    const how = boot
      ? ({ secrets: 'revealed', samples: false, boot } as const)
      : ({ secrets: 'hidden', samples: false } as const)
    return this.#render(config.name, version.number, { ...version, kind: config.kind }, machine, how)
  }

  /** As unified diff: of the templates, or of what a machine would be given. */
  diff(name: string, from: number, to: number, machine?: Machine): string {
    const texts = [from, to].map((number) => {
      const reference = `${name}@${number}`
      const parts = machine ? this.render(reference, machine).parts : this.resolve(reference).version.parts
      return new Map(parts.map((part) => [part.name, part.content]))
    })
    const [before = new Map<string, string>(), after = new Map<string, string>()] = texts
    const names = [...new Set([...before.keys(), ...after.keys()])]
    const changed = names.filter((part) => before.get(part) !== after.get(part))
    return changed
      .map((part) =>
        patchOf([`${name}@${from}/${part}`, `${name}@${to}/${part}`], before.get(part) ?? '', after.get(part) ?? ''),
      )
      .join('')
  }

  /** The name under which the first part is delivered; `undefined`: there is no such config. */
  deliveryOf(reference: string): string | undefined {
    const config = this.has(reference) ? this.find(reference.split('@')[0] ?? '') : undefined
    return config && DELIVERIES[config.kind][0]?.name
  }

  /** The names of all that is delivered, the first part first; nothing where there is no such config. */
  deliveriesOf(reference: string): readonly string[] {
    if (!this.has(reference)) return []
    const { config, version } = this.resolve(reference)
    const has = new Set(version.parts.map(({ name }) => name))
    return DELIVERIES[config.kind].filter(({ part, optional }) => !optional || has.has(part)).map(({ name }) => name)
  }

  /** Whether it, or a snippet that it includes, names `boot.home`. */
  phonesHome(reference: string): boolean {
    if (!this.has(reference)) return false
    const { version } = this.resolve(reference)
    const included = version.snippets ?? snippetVersions(version, (name) => this.find(name)) ?? {}
    const snippets = snippetsOf(this.all(), version.snippets)
    const texts = [
      ...version.parts.map(({ content }) => content),
      ...Object.keys(included).map((name) => snippets.get(name) ?? ''),
    ]
    return texts.some((text) => /\bboot\.home\b/.test(text))
  }

  /** Why a machine cannot be given it, in one line; `undefined`: it can. `disks`: there are some to log in to. */
  problemFor(reference: string, machine: Machine, disks: boolean): string | undefined {
    if (!this.has(reference)) return `there is no config ${reference}`
    const { config, version } = this.resolve(reference)
    const how = { secrets: 'hidden', samples: false, boot: previewFacts(this.#around.server(), disks) } as const
    const { problems } = this.#render(config.name, version.number, { ...version, kind: config.kind }, machine, how)
    const fault = problems.find(({ severity }) => severity === 'error')
    if (!fault) return undefined
    return `config ${reference}${fault.at ? `, ${fault.part} line ${fault.at.line}` : ''}: ${fault.message}`
  }

  /** It did not arrive. */
  giveBack(boot: string, part: string): Promise<void> {
    return this.#around.repository.giveBack(boot, part)
  }

  /** Whether this boot may have a part with secrets: the first time only. */
  async takeOnce(boot: string, part: string): Promise<boolean> {
    return this.#around.repository.takeOnce(boot, part, this.#around.clock.now())
  }

  /** The machine is gone. */
  machineRemoved(id: string): Promise<void> {
    return this.values.forget(`machine:${id}`)
  }

  #render(
    config: string,
    version: number,
    draft: Pick<Draft, 'kind' | 'parts' | 'variables'> & Pick<ConfigVersion, 'snippets'>,
    machine: Machine,
    how: Readonly<{ secrets: 'revealed' | 'hidden'; samples: boolean; boot?: BootFacts; beside?: Beside | undefined }>,
  ): RenderedConfig {
    const { place, server, sealer, languages } = this.#around
    const { network, address } =
      machine === SAMPLE_MACHINE ? { network: SAMPLE_NETWORK, address: SAMPLE_MACHINE.ip } : place(machine)
    const facts = factsOf(machine, network, address, how.boot ?? previewFacts(server()))
    const { beside } = how
    const keptOrComing = (scope: ValueScope, name: string) =>
      beside?.value(scope, name) ?? this.values.find(scope, name)
    const value = (name: string) => valueFor(name, machine, keptOrComing)
    const open = (each: { scope: string; name: string; sealed: string | null }) =>
      sealer.open(`config-value ${each.scope} ${each.name}`, each.sealed ?? '')
    const resolved = () => resolve(draft.variables, facts, { ...how, value, open })
    const { hostname, id } = facts.machine
    const rendered = renderConfig(
      {
        config,
        version,
        kind: draft.kind,
        parts: draft.parts,
        scope: resolved,
        snippets: snippetsOf(this.all(), draft.snippets, beside),
        packs: how.boot !== undefined,
        metaData: { 'instance-id': `${id}-${version}`, 'local-hostname': hostname },
      },
      languages,
    )
    const missing = resolved().problems.map((each) => ({ ...each, part: 'variables' }))
    const problems = [...missing, ...rendered.problems]
    if (how.secrets === 'hidden' || problems.length === 0) return { ...rendered, problems }
    // A message may quote a value: those are told that come up with hidden secrets too.
    const shown = this.#render(config, version, draft, machine, { ...how, secrets: 'hidden' }).problems
    const harmless = new Set(shown.map(wordsOf))
    return { ...rendered, problems: problems.map((each) => (harmless.has(wordsOf(each)) ? each : withoutWords(each))) }
  }

  async #saveVersion(config: Config, { parts, variables, note }: NewVersion, by: string): Promise<Config> {
    const now = this.#around.clock.now()
    const number = (config.versions.at(-1)?.number ?? 0) + 1
    const snippets = snippetVersions({ parts }, (name) => this.find(name))
    const version = { number, parts, variables, note, ...(snippets ? { snippets } : {}), createdAt: now, createdBy: by }
    const changed = { ...config, versions: [...config.versions, version], updatedAt: now }
    await this.#save(changed)
    return changed
  }

  async #save(config: Config): Promise<void> {
    await this.#around.repository.saveConfig(config)
    this.#configs.set(config.name, config)
    this.#around.events.publish({ topic: 'config', id: config.name, change: 'saved' })
  }
}

function refuseMore({ name, versions }: Config): void {
  if (versions.length >= MOST_VERSIONS)
    throw new Refusal('too-large', `${name} has ${MOST_VERSIONS} versions`, { next: 'make a new config' })
}
