/** Kinds of images that exist so far. `disk` and `wim` follow with chunked versions. */
export const IMAGE_KINDS = ['bundle', 'iso'] as const
export type ImageKind = (typeof IMAGE_KINDS)[number]

export const FILE_ROLES = ['kernel', 'initrd', 'iso'] as const
export type FileRole = (typeof FILE_ROLES)[number]

/** One file of a version. Its bytes are kept once under their SHA-256, whatever refers to them. */
export type ImageFile = Readonly<{ role: FileRole; name: string; sha256: string; bytes: number }>

/** Immutable once made. Files keep their order: initrds are loaded in it. */
export type ImageVersion = Readonly<{
  number: number
  files: readonly ImageFile[]
  cmdline: string
  note: string
  createdAt: number
  createdBy: string
}>

export type Image = Readonly<{
  name: string
  kind: ImageKind
  description: string
  /** In the order of their numbers. */
  versions: readonly ImageVersion[]
  /** The highest number ever given to a version, 0 before the first: a deleted number is never given again. */
  lastNumber: number
  createdAt: number
  updatedAt: number
}>
