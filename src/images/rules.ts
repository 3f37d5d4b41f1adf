import type { FileRole, Image, ImageFile, ImageKind } from './image.ts'

/** Splits `NAME` or `NAME@N`; `undefined` when the part behind the `@` is no version number. */
export function parseImageReference(reference: string): { name: string; version: number | undefined } | undefined {
  const at = reference.indexOf('@')
  if (at < 0) return { name: reference, version: undefined }
  const digits = reference.slice(at + 1)
  return /^[1-9][0-9]{0,8}$/.test(digits) ? { name: reference.slice(0, at), version: Number(digits) } : undefined
}

/** The role of the only file of these kinds. */
const SINGLE: Record<Exclude<ImageKind, 'bundle'>, FileRole> = {
  disk: 'chunks',
  partition: 'chunks',
  iso: 'iso',
  wim: 'wim',
}

/** The role that the only file of a version has; `undefined` for a bundle, which has several. */
export function singleRole(kind: ImageKind): FileRole | undefined {
  return kind === 'bundle' ? undefined : SINGLE[kind]
}

/** Why these files make no version of this kind, in one sentence; `undefined` when they do. */
export function refuseFiles(kind: ImageKind, files: readonly Pick<ImageFile, 'role' | 'name'>[]): string | undefined {
  const count = (role: FileRole) => files.filter((file) => file.role === role).length
  const names = new Set(files.map((file) => file.name))
  if (names.size < files.length) return 'two files have the same name'
  if (kind === 'bundle') {
    if (count('kernel') !== 1) return `a bundle has exactly one kernel, not ${count('kernel')}`
    const other = files.find(({ role }) => role !== 'kernel' && role !== 'initrd')
    return other && `a bundle has a kernel and initrds, no ${other.role}`
  }
  const role = SINGLE[kind]
  if (count(role) === 1 && files.length === 1) return undefined
  return `${kind === 'iso' ? 'an' : 'a'} ${kind} image has exactly one file, with the role ${role}`
}

/**
 * Numbers of the versions that the prune rule of an image lets go: all but the newest `keep`, never the latest, a pinned one or one in use.
 */
export function pruneable(image: Pick<Image, 'versions' | 'prune'>, inUse: (number: number) => boolean): number[] {
  if (!image.prune) return []
  return image.versions
    .slice(0, -Math.max(1, image.prune.keep))
    .filter(({ number, pinned }) => !pinned && !inUse(number))
    .map(({ number }) => number)
}
