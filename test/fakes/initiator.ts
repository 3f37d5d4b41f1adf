import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { crc32c } from '../../src/protocols/iscsi/crc32c.ts'
import { getU32, setLun, setU32 } from '../../src/protocols/iscsi/fields.ts'
import { BHS_BYTES, REQUEST, RESPONSE } from '../../src/protocols/iscsi/opcodes.ts'
import { PduReader } from '../../src/protocols/iscsi/pdu-reader.ts'
import { decodeText, encodeText, type TextPair } from '../../src/protocols/iscsi/text.ts'

export type Pdu = Readonly<{ head: Buffer; data: Buffer }>
/** What a command came to: its status, its data and, for a CHECK CONDITION, its sense as 0xKKAAQQ and as it was sent. */
export type Outcome = Readonly<{
  status: number
  data: Buffer
  sense: number
  senseData: Buffer
  residual: number
  flags: number
}>

/** A small initiator that tests drive PDU by PDU, or command by command. */
export class Initiator {
  readonly socket: Socket
  readonly received: Pdu[] = []
  isClosed = false
  cmdSN = 1
  maxCmdSN = 0
  maxBurst = 262144
  #tag = 0
  #digests = { header: false, data: false }
  readonly #reader: PduReader
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    const take = (head: Uint8Array, at: number, _ahs: number, data: Uint8Array) => {
      this.received.push({ head: Buffer.from(head.slice(at, at + BHS_BYTES)), data: Buffer.from(data) })
    }
    this.#reader = new PduReader({ onPdu: take, onDamagedData: () => socket.destroy(new Error('damaged')) }, 0xffffff)
    socket.on('data', (chunk) => {
      this.#reader.push(chunk)
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const each of waiting) each()
  }

  static async connect(port: number): Promise<Initiator> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    socket.setNoDelay(true)
    return new Initiator(socket)
  }

  /** Logged in, and told of what happened to its disks before (SAM-5, 5.14: unit attentions). Throws when it is refused. */
  static async ready(port: number, iqn: string, name: string, luns: readonly number[]): Promise<Initiator> {
    const one = await Initiator.connect(port)
    const { status } = await one.login(iqn, { name })
    if (status !== 0) throw new Error(`the login was refused with ${status}`)
    for (const lun of luns) await one.command([0, 0, 0, 0, 0, 0], { lun })
    return one
  }

  send(head: Buffer, data: Uint8Array = Buffer.alloc(0)): void {
    head[5] = data.length >> 16
    head[6] = data.length >> 8
    head[7] = data.length & 0xff
    const parts: Uint8Array[] = [head]
    const sum = (bytes: Uint8Array) => {
      const digest = Buffer.alloc(4)
      digest.writeUInt32LE(crc32c(bytes))
      return digest
    }
    if (this.#digests.header) parts.push(sum(head))
    if (data.length > 0) {
      const padded = Buffer.concat([data, Buffer.alloc(-data.length & 3)])
      parts.push(padded)
      if (this.#digests.data) parts.push(sum(padded))
    }
    this.socket.write(Buffer.concat(parts))
  }

  /** The next PDU that `matches`; the others stay. Fails when the connection ends first. */
  async next(matches: (pdu: Pdu) => boolean): Promise<Pdu> {
    for (;;) {
      const at = this.received.findIndex(matches)
      if (at >= 0) return this.received.splice(at, 1)[0]!
      if (this.isClosed) throw new Error('the target closed the connection')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  loginHead(stage: number, next: number, transit: boolean, isid = 1): Buffer {
    const head = Buffer.alloc(BHS_BYTES)
    head[0] = 0x40 | REQUEST.login
    head[1] = (transit ? 0x80 : 0) | (stage << 2) | next
    head[8] = 0x80
    head[13] = isid
    setU32(head, 16, 1)
    setU32(head, 24, this.cmdSN)
    return head
  }

  /** One step of a login. @returns status (class and detail) and keys of the answer. */
  async step(
    stage: number,
    next: number,
    pairs: readonly TextPair[],
    options: { transit?: boolean; isid?: number } = {},
  ): Promise<{ status: number; keys: Map<string, string>; head: Buffer }> {
    this.send(this.loginHead(stage, next, options.transit ?? true, options.isid), encodeText(pairs))
    const { head, data } = await this.next((pdu) => (pdu.head[0]! & 0x3f) === RESPONSE.login)
    this.maxCmdSN = getU32(head, 32)
    return { status: (head[36]! << 8) | head[37]!, keys: new Map(decodeText(data)), head }
  }

  /** Logs in without a proof, with these operational keys. @returns the status. */
  async login(
    target: string,
    more: { name?: string; isid?: number; keys?: readonly TextPair[] } = {},
  ): Promise<{ status: number; keys: Map<string, string> }> {
    const answer = await this.step(
      1,
      3,
      [
        ['InitiatorName', more.name ?? 'iqn.2026-01.test:initiator'],
        ['TargetName', target],
        ['SessionType', 'Normal'],
        ['MaxRecvDataSegmentLength', '65536'],
        ['InitialR2T', 'No'],
        ...(more.keys ?? []),
      ],
      { isid: more.isid ?? 1 },
    )
    if (answer.status === 0) this.began(answer.keys)
    return answer
  }

  /** The login is done with these answers: what was agreed upon holds from now on. */
  began(keys: ReadonlyMap<string, string>): void {
    this.#digests = { header: keys.get('HeaderDigest') === 'CRC32C', data: keys.get('DataDigest') === 'CRC32C' }
    this.#reader.headerDigest = this.#digests.header
    this.#reader.dataDigest = this.#digests.data
  }

  commandHead(cdb: readonly number[], options: { lun?: number; read?: number; write?: number } = {}): Buffer {
    const head = Buffer.alloc(BHS_BYTES)
    head[0] = REQUEST.command
    head[1] = 0x80 | (options.read ? 0x40 : 0) | (options.write ? 0x20 : 0)
    setLun(head, 8, options.lun ?? 0)
    setU32(head, 16, ++this.#tag)
    setU32(head, 20, options.read ?? options.write ?? 0)
    setU32(head, 24, this.cmdSN)
    this.cmdSN = (this.cmdSN + 1) >>> 0
    head.set(cdb, 32)
    return head
  }

  /** Runs a command; `write` is sent as immediate data, or as asked for when `solicited`. */
  async command(
    cdb: readonly number[],
    options: { lun?: number; read?: number; write?: Buffer; solicited?: boolean } = {},
  ): Promise<Outcome> {
    const { write } = options
    const head = this.commandHead(cdb, { ...options, write: write?.length })
    const immediate = write && !options.solicited ? write.subarray(0, 65536) : undefined
    this.send(head, immediate)
    return this.finish(getU32(head, 16), write)
  }

  /** Gives data that is asked for and takes what comes, until the status. */
  async finish(tag: number, write?: Buffer): Promise<Outcome> {
    const parts: Buffer[] = []
    for (;;) {
      const { head, data } = await this.next((pdu) => getU32(pdu.head, 16) === tag)
      const opcode = head[0]! & 0x3f
      if (opcode === RESPONSE.readyToTransfer) {
        const [at, bytes] = [getU32(head, 40), getU32(head, 44)]
        for (let done = 0, dataSN = 0; done < bytes; dataSN++) {
          const piece = Math.min(32768, bytes - done)
          const out = Buffer.alloc(BHS_BYTES)
          out[0] = REQUEST.dataOut
          out[1] = done + piece === bytes ? 0x80 : 0
          setU32(out, 16, tag)
          setU32(out, 20, getU32(head, 20))
          setU32(out, 36, dataSN)
          setU32(out, 40, at + done)
          this.send(out, write!.subarray(at + done, at + done + piece))
          done += piece
        }
        continue
      }
      this.maxCmdSN = getU32(head, 32)
      const residual = getU32(head, 44)
      if (opcode === RESPONSE.dataIn) {
        parts.push(data)
        if ((head[1]! & 1) === 0) continue
        const senseData = Buffer.alloc(0)
        return { status: head[3]!, data: Buffer.concat(parts), sense: 0, senseData, residual, flags: head[1]! & 6 }
      }
      const sense = data.length > 0 ? (data[4]! << 16) | (data[14]! << 8) | data[15]! : 0
      const senseData = data.subarray(2)
      return { status: head[3]!, data: Buffer.concat(parts), sense, senseData, residual, flags: head[1]! & 6 }
    }
  }

  /** Sends a task management function. @returns its response. */
  async manage(func: number, options: { lun?: number; tag?: number; cmdSN?: number } = {}): Promise<number> {
    const head = Buffer.alloc(BHS_BYTES)
    head[0] = 0x40 | REQUEST.taskManagement
    head[1] = 0x80 | func
    setLun(head, 8, options.lun ?? 0)
    setU32(head, 16, ++this.#tag)
    setU32(head, 20, options.tag ?? 0xffffffff)
    setU32(head, 24, this.cmdSN)
    setU32(head, 32, options.cmdSN ?? 0)
    this.send(head)
    const tag = this.#tag
    const answer = await this.next((pdu) => getU32(pdu.head, 16) === tag)
    return answer.head[2]!
  }

  close(): void {
    this.socket.destroy()
  }
}

/** CDBs, with 512-byte blocks. */
export const read10 = (lba: number, blocks: number) => [0x28, 0, ...u32(lba), 0, blocks >> 8, blocks & 0xff, 0]
export const write10 = (lba: number, blocks: number, fua = false) => [
  0x2a,
  fua ? 8 : 0,
  ...u32(lba),
  0,
  blocks >> 8,
  blocks & 0xff,
  0,
]
const u32 = (value: number) => [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff]
