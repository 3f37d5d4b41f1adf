import type { Config, ConfigProblem, ConfigVersion, Value } from '../../../configs/config.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { time } from '../wire.ts'
import { machineOf } from './machines.ts'

type WireConfig = ResponseOf<Contract['getConfig']>
type WireVersion = WireConfig['versions'][number]
type WireValue = ResponseOf<Contract['setConfigValue']>
type WireProblem = ResponseOf<Contract['renderConfig']>['problems'][number]

export function configHandlers({ configs, machines }: ApiDependencies) {
  const toWire = (config: Config): WireConfig => ({
    name: config.name,
    kind: config.kind,
    description: config.description,
    latest: config.versions.at(-1)?.number ?? 0,
    versions: config.versions.map(versionToWire),
    usedBy: [...configs.usedBy(config.name)],
    createdAt: time(config.createdAt),
    updatedAt: time(config.updatedAt),
  })
  const valueToWire = ({ scope, name, value, sealed, updatedAt }: Value): WireValue => {
    const id = /^machine:(.+)$/.exec(scope)?.[1]
    const machine = id === undefined ? undefined : machines.get(id)
    // It may have been set before a config made it a secret.
    const isHidden = sealed !== null || configs.isSecret(name)
    return {
      scope: machine ? `machine:${machine.name}` : scope,
      name,
      value: isHidden ? '[secret]' : value,
      secret: isHidden,
      updatedAt: time(updatedAt),
    }
  }

  return {
    listConfigs({ query }) {
      const found = configs
        .all()
        .filter(({ kind }) => query.kind === undefined || kind === query.kind)
        .filter(({ name, description }) => says(query.q, name, description))
      return pageOf(
        inOrder(found, ({ name }) => name),
        query,
        ({ name }) => name,
        toWire,
      )
    },
    async createConfig({ body, by, about }) {
      about(body.name, body.kind)
      return toWire(await configs.create(body, by.name))
    },
    getConfig: ({ params }) => toWire(configs.get(params.config)),
    getConfigVersion({ params }) {
      const { config, version } = params
      const found = configs.resolve(version === 'latest' ? config : `${config}@${version}`).version
      return { ...versionToWire(found), parts: [...found.parts] }
    },
    async addConfigVersion({ params, body, by, about }) {
      about(params.config)
      return toWire(await configs.addVersion(params.config, body, by.name))
    },
    async removeConfig({ params, about }) {
      about(params.config)
      await configs.remove(params.config)
    },
    async validateConfig({ body }) {
      const { machine, insteadOf, ...draft } = body
      const found = await configs.check(draft, {
        machine: machine === undefined ? undefined : machineOf(machines, machine),
        insteadOf,
      })
      return {
        valid: found.problems.every(({ severity }) => severity === 'warning'),
        problems: found.problems.map((each) => ({ ...problemToWire(each), machine: each.machine })),
        machines: found.machines,
      }
    },
    renderConfig({ params, query }) {
      const reference = query.version === undefined ? params.config : `${params.config}@${query.version}`
      const { parts, problems, ...rendered } = configs.render(reference, machineOf(machines, query.machine))
      return { ...rendered, parts: [...parts], problems: problems.map(problemToWire) }
    },
    diffConfig({ params, query }) {
      const { from, to, machine } = query
      const rendered = machine === undefined ? undefined : machineOf(machines, machine)
      return { diff: configs.diff(params.config, from, to, rendered) }
    },
    listConfigValues({ query }) {
      const scope = query.scope === undefined ? undefined : configs.values.scopeOf(query.scope)
      const found = configs.values
        .all()
        .filter((value) => scope === undefined || value.scope === scope)
        .map((value) => ({ key: `${value.scope} ${value.name}`, shown: valueToWire(value) }))
        .filter(({ shown }) => says(query.q, shown.name, shown.scope))
      const keyOf = ({ key }: { key: string }) => key
      return pageOf(inOrder(found, keyOf), query, keyOf, ({ shown }) => shown)
    },
    async setConfigValue({ params, body, about }) {
      about(params.name, params.scope)
      const scope = configs.values.scopeOf(params.scope)
      const secret = body.secret || (typeof body.value === 'string' && configs.isSecret(params.name))
      return valueToWire(await configs.values.set(scope, params.name, { value: body.value, secret }))
    },
    async removeConfigValue({ params, about }) {
      about(params.name, params.scope)
      await configs.values.remove(configs.values.scopeOf(params.scope), params.name)
    },
  } satisfies HandlersOf<
    | 'listConfigs'
    | 'createConfig'
    | 'getConfig'
    | 'getConfigVersion'
    | 'addConfigVersion'
    | 'removeConfig'
    | 'validateConfig'
    | 'renderConfig'
    | 'diffConfig'
    | 'listConfigValues'
    | 'setConfigValue'
    | 'removeConfigValue'
  >
}

function inOrder<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...items].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

function versionToWire({ number, parts, variables, note, createdAt, createdBy }: ConfigVersion): WireVersion {
  return {
    number,
    variables: variables.map((each) => ({
      ...each,
      default: Array.isArray(each.default) ? [...each.default] : (each.default as string | number | boolean | null),
    })),
    parts: parts.map(({ name, content }) => ({ name, bytes: Buffer.byteLength(content) })),
    note,
    createdAt: time(createdAt),
    createdBy,
  }
}

function problemToWire({ severity, part, path, at, message, hint }: ConfigProblem): WireProblem {
  return { severity, part, path, line: at?.line ?? null, column: at?.column ?? null, message, hint }
}
