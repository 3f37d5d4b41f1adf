import { z } from 'zod'
import { Refusal } from '../kit/errors.ts'

/** What a backup is: which files belong to it, what is written before and behind them, and what is not taken back. Pure decisions. */

/** What may be left out, because it is large or kept elsewhere. The database and the keys are always there. */
export type BackupParts = Readonly<{ images: boolean; volumes: boolean }>

export const HEAD_NAME = 'reveille-backup.json'
export const END_NAME = 'reveille-backup-end.json'
const FORMAT = 1
/** The most that the two entries about the backup itself may have, in bytes. */
export const MOST_ABOUT = 4 * 2 ** 20

/** The first entry. `version`: of the Reveille that made it; `madeAt`: milliseconds since 1970. */
export const BackupHead = z.object({
  format: z.literal(FORMAT),
  version: z.string().max(100),
  madeAt: z.number().int(),
  parts: z.object({ images: z.boolean(), volumes: z.boolean() }),
})
export type BackupHead = Readonly<z.infer<typeof BackupHead>>

/** The last entry. `sha256`: over the lines `SHA256  NAME\n` of all entries between, in their order. */
export const BackupEnd = z.object({
  files: z.number().int().min(0),
  bytes: z.number().int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** What is in the data directory and not in the backup, and why, one sentence each. */
  leftOut: z.array(z.string().max(1000)).max(10_000),
})
export type BackupEnd = Readonly<z.infer<typeof BackupEnd>>

/** What a whole and undamaged backup holds. */
export type BackupSummary = BackupHead & BackupEnd

export function newHead(version: string, madeAt: number, { images, volumes }: BackupParts): BackupHead {
  return { format: FORMAT, version, madeAt, parts: { images, volumes } }
}

/** Databases, which are copied as a whole while the server writes on. */
export const DATABASES = ['reveille.db', 'leases.db'] as const
/** Files by themselves; each may be missing. */
export const SINGLE_FILES = ['boot-key', 'guest-key', 'credential-key', 'redfish.pem', 'admin-password'] as const
/** Folders below the data directory, and what in them is no part of a backup: it is made anew. */
export const FOLDERS = {
  always: [{ path: 'consoles', without: /^$/ }],
  images: [
    { path: 'blobs', without: /^incoming$/ },
    { path: 'chunks', without: /^(incoming|damaged)$/ },
  ],
  /** Each folder below it is a volume. Names with a dot are half made. */
  volumes: 'volumes/volumes',
} as const

/** In the order in which a backup has them; names have at most 100 characters, which is what the archive holds. */
const PLACES = [
  /^(reveille|leases)\.db$/,
  /^(boot-key|guest-key|credential-key|redfish\.pem|admin-password)$/,
  /^consoles(\/[A-Za-z0-9_][A-Za-z0-9._@-]*){1,4}$/,
  /^(blobs|chunks)\/([0-9a-f]{2}\/[0-9a-f]{64}|scrubbed)$/,
  /^volumes\/volumes\/[A-Za-z0-9][A-Za-z0-9_.-]*\/(manifest\.json|[A-Za-z0-9][A-Za-z0-9_-]*(\.[a-z]+)*)$/,
]

/** Whether a backup may hold a file of this name: nothing else is ever written by a restore, and nothing outside of the data directory. */
export function isPlace(name: string): boolean {
  return name.length <= 100 && !name.includes('..') && PLACES.some((place) => place.test(name))
}

/** What follows the first word of a damaged or foreign file. */
export function notABackup(why: string): Refusal {
  return new Refusal('corrupt', `this is no whole backup: ${why}`, {
    next: 'take another backup; reveille backup checks each one after it has written it',
  })
}
