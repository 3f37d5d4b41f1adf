import { createTwoFilesPatch } from 'diff'
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
import { type Beside, type ConfigChange, changesOf, type DeclaredConfig, isSame, snippetsOf } from './declared.ts'
import { type BootFacts, factsOf, previewFacts, SAMPLE_MACHINE, SAMPLE_NETWORK } from './facts.ts'
import { faultsOf, refuseFaults } from './faults.ts'
import { DELIVERIES } from './kinds.ts'
import { renderConfig } from './rendering.ts'
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

  /** Names of profiles, and of configs that include it where it is a snippet. */
  usedBy(name: string): readonly string[] {
    return [...this.#around.users(name).profiles, ...this.#including(name).map((each) => each.name)]
  }

  /** Those whose newest version includes a snippet, itself. */
  #including(name: string): readonly Config[] {
    if (this.#configs.get(name)?.kind !== 'snippet') return []
    return this.all().filter(({ versions }) => includedBy(versions.at(-1)!).has(name))
  }

  /** Refuses a snippet that would break a config, for some machine that uses it. */
  async #refuseBroken(snippet: DeclaredConfig, seen = new Set([snippet.name]), named = snippet.name): Promise<void> {
    const beside = { declared: [snippet], value: () => undefined }
    for (const { name, kind, versions } of this.#including(named)) {
      if (seen.has(name)) continue
      seen.add(name)
      if (kind === 'snippet') await this.#refuseBroken(snippet, seen, name)
      else refuseFaults(await this.check({ ...versions.at(-1)!, kind }, { insteadOf: name }, beside), name)
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
    const version = versionOf(given, 1, now, by)
    const config = { name, kind, description, versions: [version], createdAt: now, updatedAt: now }
    await this.#save(config)
    return config
  }

  /** The same content makes no version. Refused when a machine that uses the config could not be configured by it. */
  addVersion(name: string, given: NewVersion, by: string): Promise<Config> {
    return this.#inTurn(() => this.#addVersion(name, given, by))
  }

  async #addVersion(name: string, given: NewVersion, by: string): Promise<Config> {
    const config = this.get(name)
    const last = config.versions.at(-1)!
    if (isSame(last, given)) return config
    if (config.versions.length >= MOST_VERSIONS)
      throw new Refusal('too-large', `${name} has ${MOST_VERSIONS} versions`, { next: 'make a new config' })
    refuseFaults(await this.check({ ...given, kind: config.kind }, { insteadOf: name }))
    if (config.kind === 'snippet') await this.#refuseBroken({ ...given, name, kind: 'snippet', description: '' })
    const now = this.#around.clock.now()
    const versions = [...config.versions, versionOf(given, last.number + 1, now, by)]
    const changed = { ...config, versions, updatedAt: now }
    await this.#save(changed)
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
      const last = before?.versions.at(-1)
      const same = last !== undefined && isSame(last, declared)
      const version = versionOf(declared, (last?.number ?? 0) + 1, now, by)
      const versions = [...(before?.versions ?? []), ...(same ? [] : [version])]
      await this.#save({ name, kind, description, versions, createdAt: before?.createdAt ?? now, updatedAt: now })
    }
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(() => this.#remove(name))
  }

  async #remove(name: string): Promise<void> {
    this.get(name)
    const users = this.usedBy(name)
    if (users.length > 0)
      throw new Refusal('in-use', `${name} is used by ${users.slice(0, 10).join(', ')}`, {
        next: 'take it out there first',
      })
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
    const texts = this.resolve(reference).version.parts.map(({ content }) => content)
    const included = this.all()
      .filter(
        ({ name, kind }) =>
          kind === 'snippet' && texts.some((text) => /%-?\s*(include|render)\b/.test(text) && text.includes(name)),
      )
      .map(({ versions }) => versions.at(-1)?.parts[0]?.content ?? '')
    return [...texts, ...included].some((text) => /\bboot\.home\b/.test(text))
  }

  /** Why a machine cannot be given it, in one line; `undefined`: it can. */
  problemFor(reference: string, machine: Machine): string | undefined {
    if (!this.has(reference)) return `there is no config ${reference}`
    const fault = this.render(reference, machine).problems.find(({ severity }) => severity === 'error')
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
  async machineRemoved(id: string): Promise<void> {
    await this.values.forget(`machine:${id}`)
  }

  #render(
    config: string,
    version: number,
    draft: Pick<Draft, 'kind' | 'parts' | 'variables'>,
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
        snippets: snippetsOf(this.all(), beside),
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

  async #save(config: Config): Promise<void> {
    await this.#around.repository.saveConfig(config)
    this.#configs.set(config.name, config)
    this.#around.events.publish({ topic: 'config', id: config.name, change: 'saved' })
  }
}

const INCLUDE = /\{%-?\s*(?:include|render|layout)\s+['"]([^'"]+)['"]/g
/** Of versions, which never change. */
const INCLUDED = new WeakMap<object, ReadonlySet<string>>()

/** Names of the snippets that a version includes itself. */
function includedBy(version: Pick<ConfigVersion, 'parts'>): ReadonlySet<string> {
  const known = INCLUDED.get(version)
  if (known) return known
  const names = version.parts.flatMap(({ content }) => [...content.matchAll(INCLUDE)].map(([, name = '']) => name))
  const found = new Set(names)
  INCLUDED.set(version, found)
  return found
}

/** Texts that have nothing in common would keep us for hours: the whole text is told then. */
function patchOf([from, to]: readonly [string, string], before: string, after: string): string {
  const patch = createTwoFilesPatch(from, to, before, after, undefined, undefined, { timeout: 1000 })
  if (patch !== undefined) return patch
  return `--- ${from}\n+++ ${to}\n@@ too much has changed to compare: ${before.length} and ${after.length} characters @@\n`
}

/** What is wrong with the value of a secret, without the words that may hold it. */
function withoutWords({ severity, part, at }: ConfigProblem): ConfigProblem {
  const message = 'the value of a secret does not fit here'
  return { severity, part, at, path: '$', message, hint: 'set another value of it' }
}

function wordsOf({ part, at, path, message }: ConfigProblem): string {
  return JSON.stringify([part, at, path, message])
}

function versionOf({ parts, variables, note }: NewVersion, number: number, now: number, by: string): ConfigVersion {
  return { number, parts, variables, note, createdAt: now, createdBy: by }
}
