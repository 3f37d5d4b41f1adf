import { join } from 'node:path'
import { Access } from '../access/access.ts'
import { PasswordFile } from '../access/drivers/password-file.ts'
import type { Config } from '../config/schema.ts'
import type { Deployments } from '../deployments/deployments.ts'
import type { Events } from '../events/event.ts'
import { FileChunks } from '../images/drivers/chunk-files.ts'
import { FileBlobs } from '../images/drivers/files.ts'
import { Images } from '../images/images.ts'
import { inspectDisk } from '../images/inspect.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { Machines } from '../machines/machines.ts'
import { Profiles } from '../profiles/profiles.ts'
import type { Store } from '../store/store.ts'
import { Neighbours } from '../traces/drivers/neighbours.ts'
import { Traces } from '../traces/traces.ts'

/** What everything is built in. */
export type Surroundings = Readonly<{ config: Config; dataDir: string; events: Events; clock: Clock; log: Log }>
export type Domain = Awaited<ReturnType<typeof openDomain>>

/** The services that know things, over the store. */
export async function openDomain(
  store: Store,
  { config, dataDir, events, clock, log }: Surroundings,
  /** What profiles name that is opened later. */
  { hasVolume, hasConfig }: Record<'hasVolume' | 'hasConfig', (name: string) => boolean>,
) {
  const access = await Access.open({
    repository: store.access,
    clock,
    events,
    firstPassword: new PasswordFile(join(dataDir, 'admin-password')),
    auditKeepDays: config.audit.keepDays,
    log,
  })
  // Machines, profiles and images guard each other: what is named must exist, what is used must stay.
  let profiles: Profiles
  /** The deployments, once they are open: what they go by must stay. */
  const holds: Pick<Deployments, 'naming' | 'chunkLists' | 'ordering' | 'assertForgettable'>[] = []
  const machines = await Machines.open({
    repository: store.machines,
    events,
    clock,
    namePattern: config.machineNames,
    hasProfile: (name) => profiles.get(name) !== undefined,
    assertForgettable: (machine) => {
      for (const each of holds) each.assertForgettable(machine)
    },
    log,
  })
  const images = await Images.open({
    repository: store.images,
    blobs: await FileBlobs.open(join(dataDir, 'blobs')),
    chunks: await FileChunks.open(join(dataDir, 'chunks')),
    inspect: inspectDisk,
    clock,
    events,
    usedBy: (name, version) => profiles.naming(name, version),
    heldBy: (name, version) => holds.flatMap((each) => each.naming(name, version)),
    keeps: () => holds.flatMap((each) => each.chunkLists()),
  })
  profiles = await Profiles.open({
    repository: store.profiles,
    events,
    clock,
    imageKind: (reference) => images.resolve(reference)?.image.kind,
    hasVolume,
    hasConfig,
    usage: (profile) =>
      machines
        .all()
        .filter((machine) => machine.profile === profile || machine.nextBoot?.profile === profile)
        .map(({ name }) => name),
    heldBy: (profile) => holds.flatMap((each) => each.ordering(profile)),
  })
  const neighbours = new Neighbours()
  const traces = await Traces.open({
    repository: store.traces,
    events,
    clock,
    log,
    keep: { days: config.traces.keepDays, perMachine: config.traces.keepPerMachine },
    neighbour: (address) => neighbours.macOf(address),
  })
  return { access, machines, profiles, images, traces, holds }
}
