import type { IscsiSession } from '../api/contract/iscsi.ts'
import type { Volume, VolumeJob } from '../api/contract/volumes.ts'
import { facts, table } from './table.ts'
import { ago, bytes } from './units.ts'

/** What is shown of what the pool or the engine cannot tell now. */
function known(count: number | null): string {
  return count === null ? '' : bytes(count)
}

function baseText({ base }: Volume): string {
  return base ? `${base.image}@${base.version}` : ''
}

/** Whose it is: a machine's own writes, a master that is being changed, or a person's. */
function purposeText({ use, machine, profile }: Volume): string {
  const whose = [machine, profile].filter((each) => each !== null).join('/')
  return use === 'own' ? '' : whose === '' ? use : `${use} of ${whose}`
}

export function volumesText(volumes: readonly Volume[], now: number, columns: number | undefined): string {
  if (volumes.length === 0) return 'No volumes. Create one: reveille volume create NAME --image IMAGE, or --size 10G\n'
  const rows = volumes.map((each) => [
    each.name,
    each.condition,
    bytes(each.bytes),
    known(each.ownBytes),
    baseText(each),
    purposeText(each) || each.owner,
    each.snapshots.length || '',
    each.exports.reduce((sum, { sessions }) => sum + sessions, 0) || '',
    ago(each.lastAttachedAt, now),
  ])
  const titles = ['name', 'condition', 'size', 'own', 'base', 'of', 'snapshots', 'sessions', 'attached']
  return table(titles, rows, columns)
}

export function snapshotsText(
  { snapshots, active }: Pick<Volume, 'snapshots' | 'active'>,
  now: number,
  columns: number | undefined,
): string {
  const rows = snapshots.map(({ name, createdAt, createdBy, note }) => [
    name,
    name === active ? 'active' : '',
    ago(createdAt, now),
    createdBy,
    note,
  ])
  return table(['snapshot', '', 'made', 'by', 'note'], rows, columns)
}

function exportsText({ exports }: Volume, columns: number | undefined): string {
  const rows = exports.map((each) => [
    each.id,
    each.for,
    each.readOnly ? 'read-only' : 'writable',
    each.initiator ?? 'any initiator',
    each.address ?? 'any address',
    each.chapUser === null ? 'none' : `CHAP as ${each.chapUser}`,
    each.sessions,
    each.uri,
  ])
  const titles = ['export', 'for', 'access', 'initiator', 'from', 'proof', 'sessions', 'address']
  return table(titles, rows, columns)
}

export function volumeText(volume: Volume, now: number, columns: number | undefined): string {
  const { scsi, snapshots, exports, bootsLeft, limitBytes } = volume
  const head = facts([
    ['name', volume.name],
    ['id', volume.id],
    ['condition', volume.condition],
    ['size', bytes(volume.bytes)],
    ['base', baseText(volume) || 'none: it was empty at first'],
    ['goes on from', volume.active === null ? '' : `snapshot ${volume.active}`],
    ['takes itself', known(volume.ownBytes)],
    ['limit', limitBytes === null ? '' : bytes(limitBytes)],
    ['not flushed', volume.dirtyBytes === null || volume.dirtyBytes === 0 ? '' : bytes(volume.dirtyBytes)],
    ['use', purposeText(volume)],
    ['owner', volume.owner],
    ['boots left', bootsLeft],
    [
      'labels',
      Object.entries(volume.labels)
        .map(([name, value]) => `${name}=${value}`)
        .join(', '),
    ],
    ['notes', volume.notes],
    ['SCSI', [scsi.vendor, scsi.product, scsi.revision].filter((each) => each !== '').join(' / ')],
    ['pool', volume.pool],
    ['attached', ago(volume.lastAttachedAt, now) || 'never'],
    ['created', ago(volume.createdAt, now)],
  ])
  const frozen = snapshots.length === 0 ? '' : `\n${snapshotsText(volume, now, columns)}`
  return `${head}${frozen}${exports.length === 0 ? '' : `\n${exportsText(volume, columns)}`}`
}

function latency(microseconds: number): string {
  return microseconds < 1000 ? `${Math.round(microseconds)} us` : `${(microseconds / 1000).toFixed(1)} ms`
}

function hitShare({ cacheHitBytes, cacheMissBytes }: IscsiSession): string {
  const total = cacheHitBytes + cacheMissBytes
  return total === 0 ? '' : `${Math.floor((cacheHitBytes / total) * 100)} %`
}

export function sessionsText(sessions: readonly IscsiSession[], now: number, columns: number | undefined): string {
  if (sessions.length === 0) return 'Nobody is logged in.\n'
  const rows = sessions.map((each) => [
    each.id,
    each.machine ?? each.initiator,
    each.address,
    each.volumes.join(', '),
    ago(each.since, now),
    Math.round(each.readsPerSecond),
    Math.round(each.writesPerSecond),
    `${bytes(Math.round(each.readBytesPerSecond))}/s`,
    `${bytes(Math.round(each.writtenBytesPerSecond))}/s`,
    `${latency(each.readP50)} / ${latency(each.readP99)}`,
    `${latency(each.writeP50)} / ${latency(each.writeP99)}`,
    each.inFlight,
    known(each.dirtyBytes),
    hitShare(each),
  ])
  const titles = ['session', 'who', 'from', 'volumes', 'since', 'reads/s', 'writes/s', 'read', 'written'].concat([
    'read p50 / p99',
    'write p50 / p99',
    'open',
    'dirty',
    'hits',
  ])
  return table(titles, rows, columns)
}

/** What a job does, in a few words. */
export function jobTitle({ what, volume }: Pick<VolumeJob, 'what' | 'volume'>): string {
  return `${what} ${volume}`
}

export function jobsText(jobs: readonly VolumeJob[], now: number, columns: number | undefined): string {
  if (jobs.length === 0) return 'No volume has been published, dumped or restored yet.\n'
  const rows = jobs.map((each) => [
    each.id,
    jobTitle(each),
    each.state,
    each.totalBytes === 0 ? '' : `${Math.floor((each.doneBytes / each.totalBytes) * 100)} %`,
    ago(each.startedAt, now),
    each.image ?? '',
    each.detail,
  ])
  return table(['id', 'what', 'state', 'done', 'began', 'image', 'detail'], rows, columns)
}
