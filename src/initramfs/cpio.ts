/** One entry of an archive. `mode` has the permission bits only; a link's target is its content. */
export type CpioEntry = Readonly<
  | { name: string; kind: 'directory'; mode: number }
  | { name: string; kind: 'file'; mode: number; content: Uint8Array | (() => Promise<Uint8Array>) }
  | { name: string; kind: 'link'; target: string }
  | { name: string; kind: 'character-device'; mode: number; major: number; minor: number }
>

/** The same with every content in hand. */
export type LoadedEntry = Exclude<CpioEntry, { kind: 'file' }> | LoadedFile
type LoadedFile = Readonly<{ name: string; kind: 'file'; mode: number; content: Uint8Array }>

const KIND_BITS = { directory: 0o040000, file: 0o100000, link: 0o120000, 'character-device': 0o020000 } as const
const TRAILER: LoadedFile = { name: 'TRAILER!!!', kind: 'file', mode: 0, content: new Uint8Array() }
/** The form has eight hex digits for a size. */
const LARGEST_FILE = 0xffff_ffff

/**
 * The pieces of an archive as Linux unpacks it into its first root file system: cpio in the "newc" form, everything owned by root, at
 * time 0. Contents given as functions are read one after another, so that only one of them is in memory.
 */
export async function* cpioPieces(entries: readonly CpioEntry[]): AsyncIterable<Uint8Array> {
  for (const [index, entry] of entries.entries()) {
    if (entry.kind !== 'file' || typeof entry.content !== 'function') yield* record(entry as LoadedEntry, index + 1)
    else yield* record({ ...entry, content: await entry.content() }, index + 1)
  }
  yield* record(TRAILER, 0)
}

/** A whole archive at once, of entries with their contents in hand. */
export function cpioArchive(entries: readonly LoadedEntry[]): Uint8Array {
  return Buffer.concat([...entries.flatMap((entry, index) => record(entry, index + 1)), ...record(TRAILER, 0)])
}

/**
 * The entries in the order of their names, with a directory above each that has none: the kernel makes no directories by itself, and the
 * same entries make the same archive in whatever order they were found. The last of several with one name counts.
 */
export function completeTree(entries: readonly CpioEntry[]): CpioEntry[] {
  const tree = new Map<string, CpioEntry>()
  for (const entry of entries) {
    for (let at = entry.name.indexOf('/'); at > 0; at = entry.name.indexOf('/', at + 1)) {
      const name = entry.name.slice(0, at)
      if (!tree.has(name)) tree.set(name, { name, kind: 'directory', mode: 0o755 })
    }
    tree.set(entry.name, entry)
  }
  // A directory's name is the beginning of the names inside, so it sorts before them.
  return [...tree.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function record(entry: LoadedEntry, inode: number): Uint8Array[] {
  const content = entry.kind === 'file' ? entry.content : Buffer.from(entry.kind === 'link' ? entry.target : '')
  if (content.length > LARGEST_FILE) throw new RangeError(`${entry.name} is too large for a cpio archive`)
  const mode = KIND_BITS[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode)
  const name = Buffer.from(`${entry.name}\0`)
  const [major, minor] = entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0]
  const links = entry.kind === 'directory' ? 2 : 1
  // In order: inode, mode, uid, gid, links, time, size, device of the file, device it is, size of the name, check sum (unused).
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, name.length, 0]
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
  return [...padded(Buffer.concat([Buffer.from(header, 'latin1'), name])), ...padded(content)]
}

/** Header with name, and content, each end at a multiple of four. */
function padded(bytes: Uint8Array): Uint8Array[] {
  const gap = (4 - (bytes.length % 4)) % 4
  return gap === 0 ? [bytes] : [bytes, Buffer.alloc(gap)]
}
