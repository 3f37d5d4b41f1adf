import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { pathToFileURL } from 'node:url'

/**
 * An iSCSI initiator that only measures: it keeps `depth` commands on the way and throws away what it reads. The same for every server,
 * and as thin as Node allows; its own work is part of every figure.
 */
export type Workload = Readonly<{
  write: boolean
  bytes: number
  depth: number
  random: boolean
  /** Bytes of the disk that are used, from its beginning. */
  span: number
  seconds: number
  /** For random places; connections with different seeds go different ways. */
  seed: number
  /** Stop after so many commands, even if there is time left. */
  commands?: number
}>
export type Measured = Readonly<{
  commands: number
  bytes: number
  seconds: number
  p50: number
  p99: number
  most: number
}>

const HEADER = 48
const SECTOR = 512
const BURST = 262_144
const NONE = 0xffffffff
/** Microseconds up to which latencies are told apart. */
const SLOTS = 1_000_000

export class Initiator {
  readonly #socket: Socket
  readonly #header = Buffer.alloc(HEADER)
  #have = 0
  #skip = 0
  #data: Buffer[] | undefined
  #statSn = 0
  #cmdSn = 1
  #maxCmdSn = 1
  #onPdu: (header: Buffer, data: Buffer) => void = () => undefined
  #onData: ((itt: number) => void) | undefined
  #failed: Error | undefined
  readonly #lun: number

  private constructor(socket: Socket, lun: number) {
    this.#socket = socket
    this.#lun = lun
  }

  static async login(at: {
    host: string
    port: number
    target: string
    initiator: string
    lun: number
  }): Promise<Initiator> {
    let self: Initiator
    const buffer = Buffer.alloc(BURST)
    const socket = connect({
      host: at.host,
      port: at.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length: number) => {
          self.#receive(buffer, length)
          return true
        },
      },
    })
    self = new Initiator(socket, at.lun)
    socket.on('error', (error) => {
      self.#failed = error
    })
    await once(socket, 'connect')
    const names = [`InitiatorName=${at.initiator}`, `TargetName=${at.target}`, 'SessionType=Normal', 'AuthMethod=None']
    const terms = [
      ...['HeaderDigest=None', 'DataDigest=None', 'ErrorRecoveryLevel=0', 'InitialR2T=No', 'ImmediateData=Yes'],
      ...[
        `MaxRecvDataSegmentLength=${BURST}`,
        `FirstBurstLength=${BURST}`,
        'MaxBurstLength=1048576',
        'MaxConnections=1',
      ],
      ...[
        'MaxOutstandingR2T=1',
        'DefaultTime2Wait=2',
        'DefaultTime2Retain=0',
        'DataPDUInOrder=Yes',
        'DataSequenceInOrder=Yes',
      ],
    ]
    let answer = await self.#ask(self.#loginPdu(0, 1, names))
    if (((answer.header[1]! >> 2) & 3) === 0 && (answer.header[1]! & 3) !== 1)
      throw new Error('the target wants a password')
    answer = await self.#ask(self.#loginPdu(1, 3, terms))
    for (let i = 0; i < 4 && (answer.header[1]! & 0x80) === 0; i++) answer = await self.#ask(self.#loginPdu(1, 3, []))
    // Unit attentions are told once each.
    for (let i = 0; i < 4; i++) if ((await self.#command(Buffer.alloc(16), 0, undefined)) === 0) break
    return self
  }

  #loginPdu(stage: number, next: number, keys: readonly string[]): Buffer {
    const text = Buffer.from(keys.map((key) => `${key}\0`).join(''))
    const pdu = Buffer.alloc(HEADER + ((text.length + 3) & ~3))
    pdu[0] = 0x43
    pdu[1] = 0x80 | (stage << 2) | next
    pdu.writeUIntBE(text.length, 5, 3)
    // A random ISID: format 2 (RFC 7143, 11.12.5).
    pdu[8] = 0x80
    pdu.writeUInt32BE((process.pid * 65_536 + this.#socket.localPort!) >>> 0, 9)
    pdu.writeUInt32BE(this.#cmdSn, 24)
    pdu.writeUInt32BE(this.#statSn, 28)
    text.copy(pdu, HEADER)
    return pdu
  }

  async #ask(pdu: Buffer): Promise<{ header: Buffer; data: Buffer }> {
    const answered = new Promise<{ header: Buffer; data: Buffer }>((resolve, reject) => {
      this.#socket.once('close', () => reject(this.#failed ?? new Error('the target has closed the connection')))
      this.#onPdu = (header, data) => resolve({ header: Buffer.from(header), data })
    })
    this.#data = []
    this.#socket.write(pdu)
    const answer = await answered
    this.#data = undefined
    if (answer.header[0] === 0x23 && answer.header[36] !== 0)
      throw new Error(`login was refused: ${answer.header.readUInt16BE(36).toString(16)}`)
    return answer
  }

  #command(cdb: Buffer, length: number, data: Buffer | undefined): Promise<number> {
    return new Promise((resolve) => {
      this.#onPdu = (header) => resolve(header[3]!)
      const pdu = this.#commandPdu(length, data)
      cdb.copy(pdu, 32)
      this.#send(pdu, 0)
    })
  }

  /** A SCSI command with as much of the data as may come with it. It is sent as one piece, as the initiators of operating systems do it. */
  #commandPdu(length: number, data: Buffer | undefined): Buffer {
    const immediate = data ? Math.min(data.length, BURST) : 0
    const pdu = Buffer.alloc(HEADER + immediate)
    pdu[0] = 0x01
    pdu[1] = 0x80 | (data ? 0x20 : length > 0 ? 0x40 : 0) | 1
    pdu.writeUIntBE(immediate, 5, 3)
    pdu[9] = this.#lun
    pdu.writeUInt32BE(length, 20)
    data?.copy(pdu, HEADER, 0, immediate)
    return pdu
  }

  #send(pdu: Buffer, itt: number): void {
    pdu.writeUInt32BE(itt, 16)
    pdu.writeUInt32BE(this.#cmdSn, 24)
    this.#cmdSn = (this.#cmdSn + 1) >>> 0
    pdu.writeUInt32BE(this.#statSn, 28)
    this.#socket.write(pdu)
  }

  #receive(buffer: Buffer, length: number): void {
    let at = 0
    while (at < length) {
      if (this.#have < HEADER) {
        const take = Math.min(HEADER - this.#have, length - at)
        buffer.copy(this.#header, this.#have, at, at + take)
        this.#have += take
        at += take
        if (this.#have < HEADER) return
        this.#skip = (this.#header.readUIntBE(5, 3) + 3) & ~3
      }
      const take = Math.min(this.#skip, length - at)
      if (take > 0) this.#data?.push(Buffer.from(buffer.subarray(at, at + take)))
      this.#skip -= take
      at += take
      if (this.#skip > 0) return
      this.#have = 0
      this.#take(this.#header)
    }
  }

  #take(header: Buffer): void {
    const code = header[0]! & 0x3f
    if (code === 0x25) {
      this.#maxCmdSn = header.readUInt32BE(32)
      // Only with the last one comes the status (RFC 7143, 11.7.3).
      if ((header[1]! & 1) === 0) return
      this.#statSn = (header.readUInt32BE(24) + 1) >>> 0
      if (this.#onData) {
        this.#onData(header.readUInt32BE(16))
        return
      }
    }
    if (code === 0x20) {
      if (header.readUInt32BE(20) !== NONE) this.#pong(header)
      return
    }
    this.#statSn = (header.readUInt32BE(24) + 1) >>> 0
    this.#maxCmdSn = header.readUInt32BE(32)
    const data = Buffer.concat(this.#data ?? [])
    if (this.#data) this.#data = []
    this.#onPdu(header, data)
  }

  #pong(header: Buffer): void {
    const pdu = Buffer.alloc(HEADER)
    pdu[0] = 0x40
    pdu[1] = 0x80
    pdu.writeUInt32BE(NONE, 16)
    header.copy(pdu, 20, 20, 24)
    pdu.writeUInt32BE(this.#cmdSn, 24)
    pdu.writeUInt32BE(this.#statSn, 28)
    this.#socket.write(pdu)
  }

  /** Runs one workload to its end. Rejects when a command fails. */
  run(load: Workload): Promise<Measured> {
    const slots = new Uint32Array(SLOTS)
    const begun = new Float64Array(load.depth)
    const content = load.write ? Buffer.alloc(load.bytes) : undefined
    if (content)
      for (let i = 0; i < content.length; i += 4)
        content.writeUInt32LE(Math.imul(i + load.seed, 2_654_435_761) >>> 0, i)
    // One for each command on the way: it is answered, thus sent, before it is used again.
    const pdus = Array.from({ length: load.depth }, () => {
      const pdu = this.#commandPdu(load.bytes, content)
      pdu[32] = load.write ? 0x8a : 0x88
      pdu.writeUInt32BE(load.bytes / SECTOR, 32 + 10)
      return pdu
    })
    const places = Math.floor(load.span / load.bytes)
    let state = load.seed >>> 0
    let next = state % places
    let commands = 0
    let flying = 0
    let over = false
    const start = performance.now()
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        over = true
        reject(error)
      }
      this.#socket.once('close', () => fail(this.#failed ?? new Error('the target has closed the connection')))
      const waiting: number[] = []
      const go = (slot: number) => {
        if (((this.#maxCmdSn - this.#cmdSn) | 0) < 0) return void waiting.push(slot)
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        next = load.random ? Math.floor((state / 2 ** 32) * places) : (next + 1) % places
        const pdu = pdus[slot]!
        pdu.writeUIntBE(next * (load.bytes / SECTOR), 32 + 4, 6)
        begun[slot] = performance.now()
        flying++
        this.#send(pdu, slot)
      }
      const done = (slot: number) => {
        const now = performance.now()
        flying--
        commands++
        const took = Math.min(SLOTS - 1, Math.round((now - begun[slot]!) * 1000))
        slots[took] = slots[took]! + 1
        if (now - start >= load.seconds * 1000 || commands >= (load.commands ?? Infinity)) over = true
        if (over && flying === 0) return finish()
        if (over) return
        go(slot)
        while (waiting.length > 0 && ((this.#maxCmdSn - this.#cmdSn) | 0) >= 0) go(waiting.shift()!)
      }
      const finish = () => {
        this.#onData = undefined
        const seconds = (performance.now() - start) / 1000
        const at = (share: number) => {
          let seen = 0
          for (let i = 0; i < SLOTS; i++) {
            seen += slots[i]!
            if (seen >= commands * share) return i
          }
          return SLOTS
        }
        resolve({ commands, bytes: commands * load.bytes, seconds, p50: at(0.5), p99: at(0.99), most: at(1) })
      }
      this.#onData = done
      this.#onPdu = (header) => {
        const code = header[0]! & 0x3f
        if (code === 0x31) return this.#dataOut(header, content!)
        if (code !== 0x21 || header[2] !== 0 || header[3] !== 0)
          return fail(new Error(`a command failed: PDU ${code.toString(16)}h, status ${header[3]}`))
        done(header.readUInt32BE(16))
      }
      this.#socket.cork()
      for (let slot = 0; slot < load.depth; slot++) go(slot)
      this.#socket.uncork()
    })
  }

  #dataOut(r2t: Buffer, content: Buffer): void {
    const from = r2t.readUInt32BE(40)
    const end = from + r2t.readUInt32BE(44)
    for (let at = from, n = 0; at < end; n++) {
      const length = Math.min(BURST, end - at)
      const pdu = Buffer.alloc(HEADER)
      pdu[0] = 0x05
      pdu[1] = at + length === end ? 0x80 : 0
      pdu.writeUIntBE(length, 5, 3)
      r2t.copy(pdu, 8, 8, 24)
      pdu.writeUInt32BE(this.#statSn, 28)
      pdu.writeUInt32BE(n, 36)
      pdu.writeUInt32BE(at, 40)
      this.#socket.write(pdu)
      this.#socket.write(content.subarray(at, at + length))
      at += length
    }
  }

  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }
}

/** As a process of its own: one JSON argument, one JSON line on standard output. */
type Order = Readonly<{
  host: string
  port: number
  lun: number
  targets: readonly string[]
  load: Workload
  initiators?: readonly string[]
}>
if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { host, port, lun, targets, load, initiators } = JSON.parse(process.argv[2]!) as Order
  const name = (i: number) => initiators?.[i] ?? `iqn.2026-11.org.reveille.bench:client${i}`
  const all = await Promise.all(
    targets.map((target, i) => Initiator.login({ host, port, lun, target, initiator: name(i) })),
  )
  const results = await Promise.all(all.map((each, i) => each.run({ ...load, seed: load.seed + i * 7919 })))
  for (const each of all) each.close()
  process.stdout.write(`${JSON.stringify({ results, cpu: process.cpuUsage() })}\n`)
}
