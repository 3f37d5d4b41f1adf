import type { Config, ConfigVersion } from './config.ts'
import type { Beside } from './declared.ts'

const INCLUDE = /\{%-?\s*(?:include|render|layout)\s+['"]([^'"]+)['"]/g
/** Of versions, which never change. */
const INCLUDED = new WeakMap<object, ReadonlySet<string>>()

/** Names of the snippets that a version includes itself. */
export function includedBy(version: Pick<ConfigVersion, 'parts'>): ReadonlySet<string> {
  const known = INCLUDED.get(version)
  if (known) return known
  const names = version.parts.flatMap(({ content }) => [...content.matchAll(INCLUDE)].map(([, name = '']) => name))
  const found = new Set(names)
  INCLUDED.set(version, found)
  return found
}

/** Those whose newest version includes a snippet itself. */
export function includersOf(name: string, configs: readonly Config[]): Config[] {
  return configs.filter(({ versions }) => includedBy(versions.at(-1)!).has(name))
}

/** What is given to machines and includes one of these snippets, itself or by others. */
export function givenWith(names: ReadonlySet<string>, configs: readonly Config[]): Config[] {
  const within = new Set(names)
  for (let size = 0; size < within.size; ) {
    size = within.size
    for (const { name, kind, versions } of configs)
      if (kind === 'snippet' && [...includedBy(versions.at(-1)!)].some((each) => within.has(each))) within.add(name)
  }
  return configs.filter(
    ({ kind, versions }) => kind !== 'snippet' && [...includedBy(versions.at(-1)!)].some((each) => within.has(each)),
  )
}

/** The versions of all snippets that a version includes, itself or by others, as they are now; `undefined` where it includes none. */
export function snippetVersions(
  version: Pick<ConfigVersion, 'parts'>,
  find: (name: string) => Config | undefined,
): Readonly<Record<string, number>> | undefined {
  const found: Record<string, number> = {}
  const look = (within: Pick<ConfigVersion, 'parts'>) => {
    for (const name of includedBy(within)) {
      const last = find(name)?.versions.at(-1)
      if (!last || Object.hasOwn(found, name)) continue
      found[name] = last.number
      look(last)
    }
  }
  look(version)
  return Object.keys(found).length > 0 ? found : undefined
}

/** The text of each snippet: as a version was made with it, or the newest; what comes at the same time is newer still. */
export function snippetsOf(
  configs: readonly Config[],
  made: ConfigVersion['snippets'],
  beside?: Beside,
): ReadonlyMap<string, string> {
  const textOf = ({ name, versions }: Config) => {
    const number = made && Object.hasOwn(made, name) ? made[name] : undefined
    const version = versions.find((each) => each.number === number) ?? versions.at(-1)
    return version?.parts[0]?.content ?? ''
  }
  const kept = configs.filter(({ kind }) => kind === 'snippet')
  const coming = (beside?.declared ?? []).filter(({ kind }) => kind === 'snippet')
  return new Map([
    ...kept.map((config) => [config.name, textOf(config)] as const),
    ...coming.map(({ name, parts }) => [name, parts[0]?.content ?? ''] as const),
  ])
}
