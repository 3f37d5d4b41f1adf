import { Slots } from '../../../kit/slots.ts'
import type { Attachment } from '../../../volumes/attachment.ts'
import { purposeOf } from '../../../volumes/holding.ts'
import type { VolumeJob } from '../../../volumes/jobs.ts'
import type { AttachedSession } from '../../../volumes/targets.ts'
import type { Volume } from '../../../volumes/volume.ts'
import type { ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { time, timeOrNull } from '../wire.ts'

type WireVolume = ResponseOf<Contract['getVolume']>
type WireExport = WireVolume['exports'][number]
type WireSession = ResponseOf<Contract['listSessions']>['items'][number]
type WireJob = ResponseOf<Contract['getVolumeJob']>
/** Volumes whose facts are read at a time: a thousand at once would keep everything else from being answered. */
const READ_AT_ONCE = 16

type Around = Readonly<{ disks: ApiDependencies['disks']; machines: ApiDependencies['machines'] }>

/** Volumes, exports, sessions and jobs as the API shows them. CHAP secrets are never part of them. */
export function volumesWire({ disks, machines }: Around) {
  const { volumes, targets, rates } = disks
  const machineName = (id: string) => machines.get(id)?.name ?? id
  const slots = new Slots(READ_AT_ONCE)

  const toExport = (attachment: Attachment, volume: string, sessions: readonly AttachedSession[]): WireExport => {
    const disk = attachment.disks.find((each) => each.volume === volume)
    const lun = (disk?.lun ?? 0) + targets.firstLun
    return {
      id: attachment.id,
      uri: targets.enabled ? targets.uri(attachment, disk?.lun ?? 0) : '',
      iqn: attachment.iqn,
      lun,
      readOnly: disk?.readOnly ?? true,
      initiator: attachment.initiator,
      address: attachment.address,
      chapUser: attachment.chap?.user ?? null,
      for: purposeOf(attachment, machineName),
      sessions: sessions.filter(({ target }) => target === attachment.iqn).length,
    }
  }

  /** What a pool cannot tell now, because the volume is being made or is damaged, is not told. */
  const factsOf = async (id: string) => {
    try {
      return await slots.run(() => volumes.facts(id))
    } catch {
      return { ownBytes: null, dirtyBytes: null }
    }
  }

  const toVolume = async (volume: Volume, sessions: readonly AttachedSession[]): Promise<WireVolume> => {
    const { use, base } = volume
    const { ownBytes, dirtyBytes } = await factsOf(volume.id)
    return {
      id: volume.id,
      name: volume.name,
      pool: volumes.pool.kind,
      bytes: volume.bytes,
      ownBytes,
      dirtyBytes,
      base: base && { image: base.image, version: base.version },
      use: use.kind,
      machine: use.kind === 'overlay' ? machineName(use.machine) : null,
      profile: use.kind === 'overlay' ? use.profile : null,
      condition: volume.condition,
      owner: volume.owner,
      labels: { ...volume.labels },
      notes: volume.notes,
      scsi: { ...volume.scsi },
      snapshots: volume.snapshots.map((each) => ({ ...each, createdAt: time(each.createdAt) })),
      active: volume.active,
      limitBytes: volume.limitBytes,
      bootsLeft: volume.bootsLeft,
      lastAttachedAt: timeOrNull(volume.lastAttachedAt),
      exports: volumes.ledger.holding(volume.id).map((each) => toExport(each, volume.id, sessions)),
      createdAt: time(volume.createdAt),
      updatedAt: time(volume.updatedAt),
    }
  }

  const toSession = async ({ attachment, counters, ...session }: AttachedSession): Promise<WireSession> => {
    const purpose = attachment?.for
    const ids = attachment?.disks.map(({ volume }) => volume) ?? []
    const dirty = await Promise.all(ids.map(async (id) => (await factsOf(id)).dirtyBytes))
    return {
      id: session.id,
      target: session.target,
      initiator: session.initiator,
      address: session.address,
      machine: purpose && purpose.kind !== 'export' ? machineName(purpose.machine) : null,
      volumes: ids.map((id) => volumes.ledger.get(id)?.name ?? id),
      since: time(session.since),
      reads: counters?.reads ?? 0,
      writes: counters?.writes ?? 0,
      bytesRead: counters?.bytesRead ?? 0,
      bytesWritten: counters?.bytesWritten ?? 0,
      ...rates.of(session.id),
      readP50: counters?.readP50 ?? 0,
      readP99: counters?.readP99 ?? 0,
      writeP50: counters?.writeP50 ?? 0,
      writeP99: counters?.writeP99 ?? 0,
      inFlight: counters?.inFlight ?? 0,
      dirtyBytes: dirty.reduce(
        (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
        0 as number | null,
      ),
      cacheHitBytes: counters?.cacheHitBytes ?? 0,
      cacheMissBytes: counters?.cacheMissBytes ?? 0,
    }
  }

  return { toExport, toVolume, toSession }
}

export function jobToWire({ volumeName, startedAt, endedAt, ...job }: VolumeJob): WireJob {
  return { ...job, volume: volumeName, startedAt: time(startedAt), endedAt: timeOrNull(endedAt) }
}
