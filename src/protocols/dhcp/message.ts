import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { DecodeError } from '../../kit/errors.ts'
import { type Ipv4, ipv4 } from '../../kit/ip.ts'

export const BOOTREQUEST = 1
export const BOOTREPLY = 2

/** `flags` bit by which a client asks for a broadcast reply (RFC 2131 §2, figure 2). */
export const BROADCAST_FLAG = 0x8000

/**
 * One BOOTP/DHCP datagram (RFC 2131 §2). Options are whole: parts are joined (RFC 3396) and those that were put into `file` and
 * `sname` (option 52) are among them, the two fields being empty then. Options keep the order of the wire.
 */
export type DhcpMessage = Readonly<{
  op: number
  htype: number
  hops: number
  xid: number
  secs: number
  flags: number
  ciaddr: Ipv4
  yiaddr: Ipv4
  siaddr: Ipv4
  giaddr: Ipv4
  /** As long as `hlen` says, at most 16 bytes. */
  chaddr: Uint8Array
  sname: string
  file: string
  options: ReadonlyMap<number, Uint8Array>
}>

const COOKIE = 0x63825363
const PAD = 0
const END = 255
const OVERLOAD = 52
const RELAY_AGENT_INFORMATION = 82
const HEADER_LENGTH = 240
const SNAME_LENGTH = 64
const FILE_LENGTH = 128

/** RFC 951 §3: some relays and firmware drop shorter BOOTP datagrams. */
const MIN_LENGTH = 300

/** RFC 2131 §2: what every client can take, without IP and UDP headers; more only if option 57 says so. */
export const DEFAULT_MAX_LENGTH = 548

/** Decodes a whole datagram; anything that is not well-formed DHCP or BOOTP is a `DecodeError`. */
export function decodeDhcp(datagram: Uint8Array): DhcpMessage {
  const reader = new ByteReader(datagram)
  const op = reader.u8()
  const htype = reader.u8()
  const hlen = reader.u8()
  const hops = reader.u8()
  if (op !== BOOTREQUEST && op !== BOOTREPLY) throw new DecodeError(`op ${op} is neither a request nor a reply`)
  if (hlen > 16) throw new DecodeError(`hlen ${hlen} exceeds the 16-byte chaddr field`)
  const xid = reader.u32()
  const secs = reader.u16()
  const flags = reader.u16()
  const ciaddr = ipv4(reader.u32())
  const yiaddr = ipv4(reader.u32())
  const siaddr = ipv4(reader.u32())
  const giaddr = ipv4(reader.u32())
  const chaddr = reader.bytes(16).subarray(0, hlen)
  const snameField = reader.bytes(SNAME_LENGTH)
  const fileField = reader.bytes(FILE_LENGTH)
  if (reader.u32() !== COOKIE) throw new DecodeError('not DHCP: the magic cookie is missing')

  const options = new Map<number, Uint8Array>()
  readOptions(reader.view(reader.remaining), options)
  const overload = options.get(OVERLOAD)
  let inFile = false
  let inSname = false
  if (overload) {
    const fields = overload[0] ?? 0
    if (overload.length !== 1 || fields < 1 || fields > 3)
      throw new DecodeError('option 52 (overload) is not 1, 2 or 3')
    inFile = (fields & 1) !== 0
    inSname = (fields & 2) !== 0
    options.delete(OVERLOAD)
    // RFC 3396 §5: the options field comes first, then file, then sname.
    if (inFile) readOptions(fileField, options)
    if (inSname) readOptions(snameField, options)
    if (options.has(OVERLOAD)) throw new DecodeError('option 52 (overload) is inside an overloaded field')
  }
  return {
    op,
    htype,
    hops,
    xid,
    secs,
    flags,
    ciaddr,
    yiaddr,
    siaddr,
    giaddr,
    chaddr,
    sname: inSname ? '' : new ByteReader(snameField).text(SNAME_LENGTH),
    file: inFile ? '' : new ByteReader(fileField).text(FILE_LENGTH),
    options,
  }
}

function readOptions(field: Uint8Array, options: Map<number, Uint8Array>): void {
  let at = 0
  let code = END
  while (at < field.length) {
    code = field[at]!
    at += 1
    if (code === END) return
    if (code === PAD) continue
    const length = field[at]
    if (length === undefined || at + 1 + length > field.length)
      throw new DecodeError(`option ${code} runs past the end of its field`)
    const part = field.slice(at + 1, at + 1 + length)
    at += 1 + length
    const before = options.get(code)
    options.set(code, before ? joined(before, part) : part)
  }
  // Some clients pad with zeros and omit END. Only the padding proves that nothing was cut off.
  if (code !== PAD) throw new DecodeError('the options have no end mark')
}

/** RFC 3396 §5: repeated options are parts of one. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

/**
 * Encodes a message in at most `maxLength` bytes. Options that find no room in the options field go into `file` and `sname` when
 * those are empty (option 52); what then still does not fit is a `RangeError`. Use `fitsDhcp` to find out before.
 */
export function encodeDhcp(message: DhcpMessage, maxLength: number = DEFAULT_MAX_LENGTH): Uint8Array {
  const layout = layOut(message, maxLength)
  if (!layout) throw new RangeError(`the options do not fit a message of ${maxLength} bytes`)
  if (message.chaddr.length > 16) throw new RangeError('chaddr has at most 16 bytes')
  const writer = new ByteWriter(Math.max(MIN_LENGTH, HEADER_LENGTH + layout.length + 4))
  writer.u8(message.op).u8(message.htype).u8(message.chaddr.length).u8(message.hops)
  writer.u32(message.xid).u16(message.secs).u16(message.flags)
  writer.u32(message.ciaddr).u32(message.yiaddr).u32(message.siaddr).u32(message.giaddr)
  writer.bytes(message.chaddr, 16)
  if (layout.sname.length > 0) writeField(writer, layout.sname, SNAME_LENGTH)
  else writer.text(message.sname, SNAME_LENGTH)
  if (layout.file.length > 0) writeField(writer, layout.file, FILE_LENGTH)
  else writer.text(message.file, FILE_LENGTH)
  writer.u32(COOKIE)
  const overload = (layout.file.length > 0 ? 1 : 0) | (layout.sname.length > 0 ? 2 : 0)
  if (overload > 0) writer.u8(OVERLOAD).u8(1).u8(overload)
  for (const [code, value] of layout.main) writeOption(writer, code, value)
  return writer.u8(END).padTo(MIN_LENGTH).finish()
}

/** Whether `encodeDhcp` would succeed. */
export function fitsDhcp(message: DhcpMessage, maxLength: number): boolean {
  return layOut(message, maxLength) !== undefined
}

type Option = readonly [code: number, value: Uint8Array]

/** Which option goes into which field; `undefined` when they do not all fit. */
function layOut(
  message: DhcpMessage,
  maxLength: number,
): { main: readonly Option[]; file: readonly Option[]; sname: readonly Option[]; length: number } | undefined {
  const options = [...message.options].filter(([code]) => code !== RELAY_AGENT_INFORMATION)
  const relay = message.options.get(RELAY_AGENT_INFORMATION)
  // RFC 3046 §2.1: relay agent information comes last, where the relay can cut it off.
  const last: readonly Option[] = relay ? [[RELAY_AGENT_INFORMATION, relay]] : []
  const room = maxLength - HEADER_LENGTH - 1
  const total = sizeOf(options) + sizeOf(last)
  if (total <= room) return { main: [...options, ...last], file: [], sname: [], length: total }

  const main: Option[] = []
  const file: Option[] = []
  const sname: Option[] = []
  const fields = [
    { list: main, left: room - 3 - sizeOf(last) },
    { list: file, left: message.file === '' ? FILE_LENGTH - 1 : 0 },
    { list: sname, left: message.sname === '' ? SNAME_LENGTH - 1 : 0 },
  ]
  for (const option of options) {
    const size = sizeOf([option])
    const field = fields.find((each) => each.left >= size)
    if (!field) return undefined
    field.left -= size
    field.list.push(option)
  }
  if (room - 3 - sizeOf(last) < 0) return undefined
  return { main: [...main, ...last], file, sname, length: room }
}

/** RFC 3396 §6: a value above 255 bytes is split, each part with its own code and length. */
function sizeOf(options: readonly Option[]): number {
  let size = 0
  for (const [, value] of options) size += value.length + 2 * Math.max(1, Math.ceil(value.length / 255))
  return size
}

function writeField(writer: ByteWriter, options: readonly Option[], size: number): void {
  const end = writer.length + size
  for (const [code, value] of options) writeOption(writer, code, value)
  writer.u8(END).padTo(end)
}

function writeOption(writer: ByteWriter, code: number, value: Uint8Array): void {
  if (code <= PAD || code >= END || code === OVERLOAD) throw new RangeError(`${code} is not the code of an option`)
  for (let at = 0; at === 0 || at < value.length; at += 255) {
    const part = value.subarray(at, at + 255)
    writer.u8(code).u8(part.length).bytes(part)
  }
}
