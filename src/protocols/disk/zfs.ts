import { ByteReader } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { utf8 } from './fields.ts'

const UBERBLOCKS_AT = 128 * 1024
const NVLIST_AT = 16 * 1024
const NVLIST_BYTES = 112 * 1024
/** DATA_TYPE_UINT64 and DATA_TYPE_STRING of libnvpair. */
const UINT64 = 8
const STRING = 9

/** The pool that the first label of a ZFS device names; `undefined` if there is no uberblock. `head`: its first 256 KiB. */
export function zfsFacts(head: Uint8Array): { label: string | null; uuid: string | null } | undefined {
  let found = false
  for (let at = UBERBLOCKS_AT; at + 8 <= head.length && !found; at += 1024) {
    const word = new ByteReader(head.subarray(at, at + 8))
    const [first, second] = [word.u32(), word.u32()]
    found = (first === 0 && second === 0x00bab10c) || (first === 0x0cb1ba00 && second === 0)
  }
  if (!found) return undefined
  try {
    return pool(new ByteReader(head.subarray(NVLIST_AT, NVLIST_AT + NVLIST_BYTES)))
  } catch (error) {
    if (error instanceof DecodeError) return { label: null, uuid: null }
    throw error
  }
}

/** The outermost pairs of a list of names and values in XDR (RFC 4506): size, decoded size, name, type, count, value. */
function pool(reader: ByteReader): { label: string | null; uuid: string | null } {
  const facts: { label: string | null; uuid: string | null } = { label: null, uuid: null }
  if (reader.u8() !== 1) return facts
  reader.skip(3 + 8)
  for (let pair = 0; pair < 100; pair++) {
    const start = reader.offset
    const size = reader.u32()
    if (size === 0) break
    reader.skip(4)
    const name = xdrText(reader)
    const type = reader.u32()
    reader.skip(4)
    if (type === STRING && name === 'name') facts.label = xdrText(reader) || null
    if (type === UINT64 && name === 'pool_guid')
      facts.uuid = ((BigInt(reader.u32()) << 32n) | BigInt(reader.u32())).toString()
    reader.skip(size - (reader.offset - start))
  }
  return facts
}

function xdrText(reader: ByteReader): string {
  const length = reader.u32()
  if (length > 1024) throw new DecodeError(`a text of ${length} bytes has no place here`)
  const value = utf8(reader.bytes(length))
  reader.skip((4 - (length % 4)) % 4)
  return value
}
