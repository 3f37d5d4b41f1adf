import { gzipSync } from 'node:zlib'
import { configRoutes } from '../api/contract/configs.ts'
import { Configs } from '../configs/configs.ts'
import { liquid } from '../configs/drivers/liquid.ts'
import { readYaml, writeYaml } from '../configs/drivers/yaml.ts'
import type { Languages } from '../configs/rendering.ts'
import { usersOf } from '../configs/users.ts'
import { contains, parseIpv4 } from '../kit/ip.ts'
import type { Machine } from '../machines/machine.ts'
import type { Leases } from '../networks/leases.ts'
import type { Network } from '../networks/network.ts'
import { transpileButane } from '../protocols/ignition/butane.ts'
import { validateIgnition } from '../protocols/ignition/validate.ts'
import { aesGcmSealer } from '../secrets/drivers/aes-gcm.ts'
import { keyFile } from '../store/key-file.ts'
import type { Store } from '../store/store.ts'
import type { Domain, Surroundings } from './domain.ts'
import { addressOf } from './guests.ts'

/** What configs are written in. Needs no server. */
export const LANGUAGES: Languages = {
  template: liquid,
  readYaml,
  writeYaml,
  butane: (document, { packs, ...local }) => {
    // The level is Butane's.
    const gzip = (bytes: Uint8Array) => gzipSync(bytes, { level: 9 })
    return transpileButane(document, { ...local, gzip: packs ? gzip : undefined })
  },
  ignition: validateIgnition,
}

/** A config that nobody keeps, checked for a machine that stands for any. Needs no server; snippets are not known then. */
export async function checkConfig(given: Readonly<{ kind: string; parts: unknown; variables: unknown }>) {
  const nothing = async () => undefined
  const configs = await Configs.open({
    repository: {
      configs: async () => [],
      values: async () => [],
      saveConfig: nothing,
      removeConfig: nothing,
      saveValues: nothing,
      removeValue: nothing,
      takeOnce: async () => false,
      giveBack: nothing,
      forgetTaken: nothing,
    },
    languages: LANGUAGES,
    sealer: { seal: () => '', open: () => '' },
    clock: { now: () => 0 },
    events: { publish: () => undefined },
    machine: () => undefined,
    place: () => ({ network: undefined, address: null }),
    server: () => 'http://192.0.2.1:8080',
    users: () => ({ profiles: [], pinned: [], machines: [] }),
  })
  const draft = configRoutes.validateConfig.body.parse(given)
  const { problems, machines } = await configs.check(draft)
  return {
    valid: problems.every(({ severity }) => severity === 'warning'),
    machines,
    problems: problems.map(({ severity, part, path, at, message, hint }) => ({
      ...{ severity, part, path, message, hint },
      ...{ line: at?.line ?? null, column: at?.column ?? null },
    })),
  }
}

type Parts = Pick<Surroundings, 'dataDir' | 'events' | 'clock' | 'log'> &
  Pick<Domain, 'machines' | 'profiles'> &
  Readonly<{
    store: Pick<Store, 'configs'>
    leases: Pick<Leases, 'ofMac'>
    networks: readonly Network[]
    /** Base URL of the server as machines reach it. */
    server: () => string
  }>

export async function openConfigs(parts: Parts): Promise<Configs> {
  const { store, machines, profiles, leases, networks, dataDir, events, clock, log } = parts
  const configs = await Configs.open({
    repository: store.configs,
    languages: LANGUAGES,
    sealer: aesGcmSealer(await keyFile(dataDir, 'credential-key'), 'credential-key'),
    clock,
    events,
    machine: (reference) => machines.find(reference),
    place: (machine) => placeOf(machine, leases, networks),
    server: parts.server,
    users: (config) => usersOf(config, profiles.all(), machines.all()),
  })
  events.listen(({ topic, id, change }) => {
    if (topic !== 'machine' || change !== 'removed') return
    configs.machineRemoved(id).catch((error) => log.error({ machine: id, error }, 'the values of a machine stay'))
  })
  return configs
}

/** Where a machine is or will be: a reservation says it for good, a lease for now. */
function placeOf(machine: Machine, leases: Pick<Leases, 'ofMac'>, networks: readonly Network[]) {
  const address = machine.ip ?? addressOf(machine, leases) ?? null
  const parsed = address === null ? undefined : parseIpv4(address)
  const network =
    parsed === undefined
      ? networks.length === 1
        ? networks[0]
        : undefined
      : networks.find(({ subnet }) => contains(subnet, parsed))
  return { network, address }
}
