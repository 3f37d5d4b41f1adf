import { Refusal } from '../../kit/errors.ts'
import type { FileRole, Image, ImageKind } from '../image.ts'
import type { Images } from '../images.ts'
import { singleRole } from '../rules.ts'
import { download, downloadSmall, fillIn } from './download.ts'
import type { DiskFormat } from './formats.ts'
import { checkSignature } from './openpgp.ts'
import { type DiskLimits, takeStored } from './take-disk.ts'

const MOST_SIGNATURE = 65_536

/** An upstream release; addresses may hold `{channel}`, `{version}` and `{arch}`. */
export type Release = Readonly<{
  kind: ImageKind
  files: readonly Readonly<{ url: string; role?: FileRole; sha256?: string; signature?: string }>[]
  channel: string
  version: string
  arch: string
  /** Armoured public key. */
  key?: string
  format: DiskFormat | 'auto'
  cmdline: string
}>

type FetchedFile = Readonly<{ role: FileRole; name: string; sha256: string; bytes: number }>

/**
 * Fetches an upstream release, checks it, and keeps it as a pinned version of the image, which is made if there is none. A release that is here
 * already, by its addresses and SHA-256, is not made again, and not even fetched when all its SHA-256 are given.
 */
export async function fetchRelease(
  images: Images,
  name: string,
  release: Release,
  { by, limits }: Readonly<{ by: string; limits: DiskLimits }>,
): Promise<Image> {
  const files = release.files.map((file) => ({
    ...file,
    url: fillIn(file.url, release),
    signature: file.signature === undefined ? undefined : fillIn(file.signature, release),
  }))
  for (const { url, sha256, signature } of files) {
    if (sha256 === undefined && signature === undefined)
      throw new Refusal('validation-failed', `${url} has neither a SHA-256 nor a signature to be checked by`, {
        next: 'give sha256, or signature and key',
      })
    if (signature !== undefined && release.key === undefined)
      throw new Refusal('validation-failed', `the signature of ${url} cannot be checked without a key`, {
        next: 'give the armoured public key as key',
      })
  }
  const known = (hashes: readonly (string | undefined)[]) => {
    const image = images.get(name)
    const source = sourceOf(files.map(({ url }, index) => ({ url, sha256: hashes[index] ?? '' })))
    return image?.versions.some((version) => version.source === source) ? image : undefined
  }
  const here = files.every(({ sha256 }) => sha256) && known(files.map(({ sha256 }) => sha256))
  if (here) return here

  const fetched: FetchedFile[] = []
  const releases: (() => void)[] = []
  try {
    for (const file of files) {
      const { sha256, bytes } = await images.blobs.put(download(file.url), {
        limit: limits.file,
        ...(file.sha256 === undefined ? {} : { sha256: file.sha256 }),
      })
      releases.push(images.hold(sha256))
      const fileName = nameOf(file.url)
      fetched.push({ role: file.role ?? roleOf(release.kind, fileName), name: fileName, sha256, bytes })
      if (file.signature === undefined) continue
      const signature = await downloadSmall(file.signature, MOST_SIGNATURE)
      const path = (await images.blobs.path(sha256))!
      await checkSignature(path, { signature, key: release.key!, what: file.url })
    }
    const again = known(fetched.map(({ sha256 }) => sha256))
    if (again) return again
    return await keep(images, { name, release, fetched, urls: files.map(({ url }) => url) }, { by, limits })
  } finally {
    for (const release of releases) release()
    // What became part of a version stays, for that needs it.
    for (const { sha256 } of fetched) await images.discard(sha256)
  }
}

async function keep(
  images: Images,
  { name, release, fetched, urls }: { name: string; release: Release; fetched: FetchedFile[]; urls: string[] },
  { by, limits }: Readonly<{ by: string; limits: DiskLimits }>,
): Promise<Image> {
  const { kind, format, cmdline } = release
  const given = {
    files: fetched.map(({ role, name, sha256 }) => ({ role, name, sha256 })),
    cmdline,
    note: [release.channel, release.version].filter((word) => word !== '').join(' '),
    source: sourceOf(fetched.map(({ sha256 }, index) => ({ url: urls[index]!, sha256 }))),
    pinned: true,
    sha256: null as string | null,
  }
  if (singleRole(kind) === 'chunks') {
    if (fetched.length !== 1) throw new Refusal('validation-failed', `a ${kind} is one file, not ${fetched.length}`)
    const taken = await takeStored(images, fetched[0]!, { format, limits })
    given.files = [{ role: 'chunks', name: `${name}.chunks`, sha256: taken.chunks }]
    given.sha256 = taken.sha256
  }
  if (!images.get(name)) await images.create({ name, kind, owner: by, visibility: 'public' })
  return images.addVersion(name, given, by)
}

/** What tells a release from others. */
function sourceOf(files: readonly Readonly<{ url: string; sha256: string }>[]): string {
  return files.map(({ url, sha256 }) => `${url} SHA-256 ${sha256}`).join(', ')
}

/** The last part of the path, of harmless characters. */
function nameOf(url: string): string {
  const last = new URL(url).pathname.split('/').at(-1) ?? ''
  return (
    last
      .replace(/[^A-Za-z0-9._+-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '')
      .slice(-100) || 'file'
  )
}

function roleOf(kind: ImageKind, name: string): FileRole {
  const only = singleRole(kind)
  if (only !== undefined) return only
  return /vmlinu|kernel|bzimage|^linux/i.test(name) ? 'kernel' : 'initrd'
}
