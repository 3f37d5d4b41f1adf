/** How a file of a disk is packed, told by its first bytes and not by its name. */
export type Packing = 'raw' | 'gz' | 'xz' | 'zst' | 'qcow2'

const SIGNS: readonly (readonly [Packing, readonly number[]])[] = [
  // RFC 1952 §2.3.1
  ['gz', [0x1f, 0x8b, 0x08]],
  // The .xz file format §2.1.1.1
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  // RFC 8878 §3.1.1
  ['zst', [0x28, 0xb5, 0x2f, 0xfd]],
  // "QFI" and 0xfb
  ['qcow2', [0x51, 0x46, 0x49, 0xfb]],
]

/** What the first bytes of a file say; six are enough. */
export function packingOf(head: Uint8Array): Packing {
  return SIGNS.find(([, sign]) => sign.every((byte, at) => head[at] === byte))?.[0] ?? 'raw'
}

/** The kind that a file of this name most likely is. */
export function kindOf(name: string): 'disk' | 'iso' | 'wim' {
  const lower = name.toLowerCase()
  return lower.endsWith('.iso') ? 'iso' : lower.endsWith('.wim') ? 'wim' : 'disk'
}

/** A name that the server takes for an image, made of that of a file: `Debian 12.raw.zst` becomes `debian-12`. */
export function imageName(file: string): string {
  let name = file.toLowerCase()
  for (;;) {
    const shorter = name.replace(/\.(gz|xz|zst|zstd|qcow2|raw|img|disk|bin|iso|wim)$/, '')
    if (shorter === name) break
    name = shorter
  }
  return name
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '')
}
