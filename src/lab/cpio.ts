/** One entry of an archive. `mode` has the permission bits only; a link's target is its content. */
export type CpioEntry = Readonly<
  | { name: string; kind: 'directory'; mode: number }
  | { name: string; kind: 'file'; mode: number; content: Uint8Array }
  | { name: string; kind: 'link'; target: string }
  | { name: string; kind: 'character-device'; mode: number; major: number; minor: number }
>

const KIND_BITS = { directory: 0o040000, file: 0o100000, link: 0o120000, 'character-device': 0o020000 } as const

/** An archive as Linux unpacks it into its first root file system: cpio in the "newc" form, everything owned by root, at time 0. */
export function cpioArchive(entries: readonly CpioEntry[]): Uint8Array {
  const pieces: Uint8Array[] = entries.flatMap((entry, index) => record(entry, index + 1))
  pieces.push(...record({ name: 'TRAILER!!!', kind: 'file', mode: 0, content: new Uint8Array() }, 0))
  return Buffer.concat(pieces)
}

function record(entry: CpioEntry, inode: number): Uint8Array[] {
  const content = entry.kind === 'file' ? entry.content : Buffer.from(entry.kind === 'link' ? entry.target : '')
  const mode = KIND_BITS[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode)
  const name = Buffer.from(`${entry.name}\0`)
  const [major, minor] = entry.kind === 'character-device' ? [entry.major, entry.minor] : [0, 0]
  const links = entry.kind === 'directory' ? 2 : 1
  // In order: inode, mode, uid, gid, links, time, size, device of the file, device it is, size of the name, check sum (unused).
  const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, name.length, 0]
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`
  return [padded(Buffer.concat([Buffer.from(header, 'latin1'), name])), padded(content)]
}

/** Header with name, and content, each end at a multiple of four. */
function padded(bytes: Uint8Array): Uint8Array {
  const gap = (4 - (bytes.length % 4)) % 4
  return gap === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(gap)])
}
