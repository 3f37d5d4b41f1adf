/** `disk` and `partition` are chunk lists; a bundle is kernel and initrds; `iso` and `wim` are one file each. */
export const IMAGE_KINDS = ['disk', 'partition', 'bundle', 'iso', 'wim'] as const
export type ImageKind = (typeof IMAGE_KINDS)[number]

/** `chunks` is the list of chunks of a disk or partition. */
export const FILE_ROLES = ['kernel', 'initrd', 'iso', 'wim', 'chunks'] as const
export type FileRole = (typeof FILE_ROLES)[number]

/** Who may see and use an image: its owner and operators, those it is shared with, or everybody with a login. */
export const VISIBILITIES = ['private', 'shared', 'public'] as const
export type Visibility = (typeof VISIBILITIES)[number]

/** One file of a version. Its bytes are kept once under their SHA-256, whatever refers to them. */
export type ImageFile = Readonly<{ role: FileRole; name: string; sha256: string; bytes: number }>

/** What a version of kind `disk` or `partition` is, in bytes. The SHA-256 of its chunk list names its whole content. */
export type DiskContent = Readonly<{
  /** Size of the disk. */
  bytes: number
  /** Bytes of chunks that are not all zero. */
  allocatedBytes: number
  /** Bytes of chunks that no version here had when this one was made. */
  addedBytes: number
  /** SHA-256 of the whole raw content, when somebody has computed it. */
  sha256: string | null
  /** What was seen in it: `gpt`, `mbr` or none, and the filesystem of each partition or of the whole. */
  table: 'gpt' | 'mbr' | null
  filesystems: readonly string[]
}>

/** Immutable once made. Files keep their order: initrds are loaded in it. */
export type ImageVersion = Readonly<{
  number: number
  files: readonly ImageFile[]
  cmdline: string
  note: string
  /** Of kinds `disk` and `partition`. */
  disk: DiskContent | null
  /** Never pruned while pinned. */
  pinned: boolean
  /** Where it came from: `upload`, `capture of MACHINE`, a URL. */
  source: string
  createdAt: number
  createdBy: string
}>

/** Which versions may go by themselves: all but the newest `keep`, the pinned, and those in use. `null`: none. */
export type PruneRule = Readonly<{ keep: number }> | null

export type Image = Readonly<{
  name: string
  kind: ImageKind
  description: string
  owner: string
  visibility: Visibility
  /** Users it is shared with, when `visibility` is `shared`. */
  sharedWith: readonly string[]
  labels: Readonly<Record<string, string>>
  prune: PruneRule
  /** In the order of their numbers. */
  versions: readonly ImageVersion[]
  /** The highest number ever given to a version, 0 before the first: a deleted number is never given again. */
  lastNumber: number
  createdAt: number
  updatedAt: number
}>
