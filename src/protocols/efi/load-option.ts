import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'

/** EFI_LOAD_OPTION (UEFI 2.10, section 3.1.3): what a variable such as `Boot0001` holds. */
export type LoadOption = Readonly<{
  active: boolean
  name: string
  path: readonly DeviceNode[]
  rest: Uint8Array
  attributes: number
}>

/** A node of a device path (section 10.3); those that are not understood are kept as bytes. */
export type DeviceNode =
  | Readonly<{ kind: 'partition'; number: number; firstLba: number; blocks: number; guid: Uint8Array }>
  | Readonly<{ kind: 'file'; path: string }>
  | Readonly<{ kind: 'mac'; mac: Uint8Array }>
  | Readonly<{ kind: 'other'; type: number; subtype: number; data: Uint8Array }>

const ACTIVE = 1
/** Variables are small; more would be an attack or damage. */
const MOST_BYTES = 65_536
const MOST_NODES = 64

/** Throws a `DecodeError` for what firmware would not boot. Only the first of several device paths is told. */
export function parseLoadOption(bytes: Uint8Array): LoadOption {
  if (bytes.length > MOST_BYTES) throw new DecodeError(`a boot option has not ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  const attributes = reader.u32le()
  const length = reader.u16le()
  let name = ''
  for (let unit = reader.u16le(); unit !== 0; unit = reader.u16le()) name += String.fromCharCode(unit)
  const path = parseDevicePath(reader.view(length))
  return { active: (attributes & ACTIVE) !== 0, name, path, rest: reader.rest(), attributes }
}

/** The nodes up to the first end (section 10.3.1). */
export function parseDevicePath(bytes: Uint8Array): DeviceNode[] {
  const reader = new ByteReader(bytes)
  const nodes: DeviceNode[] = []
  while (reader.remaining > 0 && nodes.length < MOST_NODES) {
    const [type, subtype, length] = [reader.u8(), reader.u8(), reader.u16le()]
    if (length < 4) throw new DecodeError(`a node of a device path has not ${length} bytes`)
    const data = reader.bytes(length - 4)
    if (type === 0x7f) break
    nodes.push(parseNode(type, subtype, data))
  }
  return nodes
}

function parseNode(type: number, subtype: number, data: Uint8Array): DeviceNode {
  const reader = new ByteReader(data)
  // Section 10.3.5.1: partition format 2 and signature type 2 are GPT and its GUID.
  if (type === 4 && subtype === 1 && data.length === 38 && data[36] === 2 && data[37] === 2) {
    const [number, firstLba, blocks] = [reader.u32le(), u64(reader), u64(reader)]
    return { kind: 'partition', number, firstLba, blocks, guid: reader.bytes(16) }
  }
  if (type === 4 && subtype === 4 && data.length % 2 === 0) {
    let path = ''
    while (reader.remaining > 0) {
      const unit = reader.u16le()
      if (unit === 0) break
      path += String.fromCharCode(unit)
    }
    return { kind: 'file', path }
  }
  if (type === 3 && subtype === 11 && data.length === 33) return { kind: 'mac', mac: reader.bytes(6) }
  return { kind: 'other', type, subtype, data }
}

/** An active entry that starts a file on a GPT partition: the short form that firmware looks up on every disk (section 3.1.2). */
export function encodeLoadOption({ name, path }: Pick<LoadOption, 'name' | 'path'>): Uint8Array {
  const nodes = new ByteWriter()
  for (const node of path) encodeNode(nodes, node)
  const list = nodes.u8(0x7f).u8(0xff).u16le(4).finish()
  const writer = new ByteWriter().u32le(ACTIVE).u16le(list.length)
  return utf16(writer, name).bytes(list).finish()
}

function encodeNode(writer: ByteWriter, node: DeviceNode): void {
  if (node.kind === 'partition') {
    put64(put64(writer.u8(4).u8(1).u16le(42).u32le(node.number), node.firstLba), node.blocks)
    writer.bytes(node.guid, 16).u8(2).u8(2)
  } else if (node.kind === 'file') {
    utf16(
      writer
        .u8(4)
        .u8(4)
        .u16le(4 + 2 * (node.path.length + 1)),
      node.path,
    )
  } else if (node.kind === 'mac') {
    writer.u8(3).u8(11).u16le(37).bytes(node.mac, 32).u8(1)
  } else
    writer
      .u8(node.type)
      .u8(node.subtype)
      .u16le(4 + node.data.length)
      .bytes(node.data)
}

/** `BootOrder` (section 3.3): the numbers in order; an odd byte at its end is a `DecodeError`. */
export function parseBootOrder(bytes: Uint8Array): string[] {
  if (bytes.length % 2 !== 0 || bytes.length > 2 * 4096)
    throw new DecodeError(`BootOrder has not ${bytes.length} bytes`)
  const reader = new ByteReader(bytes)
  return Array.from({ length: bytes.length / 2 }, () => bootNumber(reader.u16le()))
}

export function encodeBootOrder(order: readonly string[]): Uint8Array {
  const writer = new ByteWriter(2 * order.length)
  for (const number of order) writer.u16le(Number.parseInt(number, 16))
  return writer.finish()
}

/** Four upper-case hex digits, as in `Boot001A`. */
export function bootNumber(value: number): string {
  return value.toString(16).toUpperCase().padStart(4, '0')
}

function utf16(writer: ByteWriter, text: string): ByteWriter {
  for (let i = 0; i < text.length; i++) writer.u16le(text.charCodeAt(i))
  return writer.u16le(0)
}

function u64(reader: ByteReader): number {
  return reader.u32le() + reader.u32le() * 2 ** 32
}

function put64(writer: ByteWriter, value: number): ByteWriter {
  return writer.u32le(value % 2 ** 32).u32le(Math.floor(value / 2 ** 32))
}
