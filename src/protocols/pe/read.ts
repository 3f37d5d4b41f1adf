import { DecodeError } from '../../kit/errors.ts'
import { readSigners, type Signer } from './signers.ts'

/** What an EFI program (PE32 or PE32+) says of itself. */
export type EfiProgram = Readonly<{
  /** For which processors; `null`: one that is not known here. */
  machine: 'x86' | 'x86_64' | 'arm' | 'arm64' | null
  signers: readonly Signer[]
  /** Its generations for revocation, one line each; `null`: it has no section `.sbat`. */
  sbat: string | null
}>

/** Gives bytes of a file from an offset, fewer where it ends. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>

/** PE format, "Machine Types". */
const MACHINES: ReadonlyMap<number, EfiProgram['machine']> = new Map([
  [0x14c, 'x86'],
  [0x8664, 'x86_64'],
  [0x1c2, 'arm'],
  [0xaa64, 'arm64'],
])
const HEADERS = 4096
const MOST_SECTIONS = 96
/** Signatures are a few KiB; Microsoft's own programs carry some tens. */
const MAX_CERTIFICATES = 256 * 1024
const MOST_CERTIFICATES = 16
const MAX_SBAT = 16 * 1024
/** WIN_CERTIFICATE, revision 2.0, PKCS #7 SignedData. */
const REVISION = 0x0200
const PKCS_SIGNED_DATA = 0x0002

/**
 * Reads the head, the signatures and the generations of an EFI program of `size` bytes; at most 276 KiB of it. `undefined`: it is no
 * EFI program. What is damaged is a `DecodeError`. No signature is verified.
 */
export async function readEfiProgram(readAt: ReadAt, size: number): Promise<EfiProgram | undefined> {
  const head = await readAt(0, HEADERS)
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  if (head.length < 0x40 || view.getUint16(0, true) !== 0x5a4d) return undefined
  const pe = view.getUint32(0x3c, true)
  if (pe + 24 > head.length || view.getUint32(pe, true) !== 0x4550) return undefined
  const sections = view.getUint16(pe + 6, true)
  const optional = pe + 24
  const optionalSize = view.getUint16(pe + 20, true)
  const table = optional + optionalSize
  if (sections > MOST_SECTIONS || table + sections * 40 > head.length)
    throw new DecodeError('the head of the EFI program is longer than it may be')
  const magic = optionalSize >= 2 ? view.getUint16(optional, true) : 0
  if (magic !== 0x10b && magic !== 0x20b) throw new DecodeError('it is neither PE32 nor PE32+')
  const machine = MACHINES.get(view.getUint16(pe + 4, true)) ?? null
  return {
    machine,
    signers: await signersOf(readAt, size, certificates(view, optional, optionalSize, magic === 0x20b)),
    sbat: await sbatOf(readAt, size, view, table, sections),
  }
}

type Extent = Readonly<{ offset: number; length: number }>

/** The fifth data directory; unlike all others it has an offset in the file, not in memory. */
function certificates(view: DataView, optional: number, optionalSize: number, plus: boolean): Extent | undefined {
  const directories = optional + (plus ? 112 : 96)
  const entry = directories + 4 * 8
  if (entry + 8 > optional + optionalSize || view.getUint32(directories - 4, true) < 5) return undefined
  const extent = { offset: view.getUint32(entry, true), length: view.getUint32(entry + 4, true) }
  return extent.offset === 0 || extent.length === 0 ? undefined : extent
}

async function signersOf(readAt: ReadAt, size: number, extent: Extent | undefined): Promise<Signer[]> {
  if (!extent) return []
  const { offset, length } = extent
  if (offset + length > size) throw new DecodeError('its signatures lie behind its end')
  if (length > MAX_CERTIFICATES) throw new DecodeError(`its signatures have ${length} bytes`)
  const bytes = await readAt(offset, length)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const signers: Signer[] = []
  let at = 0
  for (let number = 0; number < MOST_CERTIFICATES && at + 8 <= bytes.length; number++) {
    const own = view.getUint32(at, true)
    if (own < 8 || at + own > bytes.length) throw new DecodeError('one of its signatures has a wrong length')
    const known = view.getUint16(at + 4, true) === REVISION && view.getUint16(at + 6, true) === PKCS_SIGNED_DATA
    if (known) signers.push(...readSigners(bytes.subarray(at + 8, at + own)))
    at += Math.ceil(own / 8) * 8
  }
  return signers
}

async function sbatOf(
  readAt: ReadAt,
  size: number,
  view: DataView,
  table: number,
  sections: number,
): Promise<string | null> {
  for (let number = 0; number < sections; number++) {
    const at = table + number * 40
    const name = String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 8)).replace(/\0+$/, '')
    if (name !== '.sbat') continue
    const length = Math.min(view.getUint32(at + 8, true), view.getUint32(at + 16, true), MAX_SBAT)
    const offset = view.getUint32(at + 20, true)
    if (offset + length > size) throw new DecodeError('its section .sbat lies behind its end')
    const bytes = await readAt(offset, length)
    return String.fromCharCode(...bytes.slice(0, MAX_SBAT))
      .replace(/\0.*$/s, '')
      .replace(/[^\x20-\x7e\n]/g, '.')
  }
  return null
}
