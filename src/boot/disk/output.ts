import type { Socket } from 'node:net'
import { type Memory, SLAB_BYTES, type Slab } from './memory.ts'

/** A reserved piece of a slab that is filled later than what comes after it. */
export type Region = Readonly<{ slab: Slab; at: number; size: number }>

/** Room that is not worth keeping a slab for. */
const LEAST_ROOM = 16 * 1024

/**
 * Builds answers one behind the other in slabs and sends each run with one write. `reserve` gives room in `bytes`, valid until the next
 * reservation; nothing is sent before `flush`.
 */
export class Output {
  readonly #socket: Socket
  readonly #memory: Memory
  readonly #sent: () => void
  #slab: Slab | undefined
  /** What is reserved but not yet handed to the socket begins here and ends at `#to`. */
  #from = 0
  #to = 0
  #isScheduled = false
  #isClosed = false

  /** `sent` is called whenever something left. */
  constructor(socket: Socket, memory: Memory, sent: () => void) {
    this.#socket = socket
    this.#memory = memory
    this.#sent = sent
  }

  /** Bytes that are built but not handed over. */
  get unsent(): number {
    return this.#to - this.#from
  }

  /** Bytes that wait to be taken by the kernel. */
  get backlog(): number {
    return this.#socket.writableLength + this.#to - this.#from
  }

  /** The memory of the last reservation. */
  get bytes(): Buffer {
    return this.#slab!.bytes
  }

  /** @returns where `size` bytes begin; `size` is at most that of a slab. */
  reserve(size: number): number {
    if (this.#slab && this.#to + size > SLAB_BYTES) {
      this.flush()
      // Not if the kernel took all of it at once.
      if (this.#to + size > SLAB_BYTES) this.#retire()
    }
    if (!this.#slab) {
      this.#slab = this.#memory.takeSlab()
      this.#from = 0
      this.#to = 0
    }
    const at = this.#to
    this.#to += size
    return at
  }

  /** Takes the last reservation back. */
  giveBack(at: number): void {
    this.#to = at
  }

  /** The last reservation is filled later and sent by `send`; what comes after it does not wait. */
  detach(at: number): Region {
    const size = this.#to - at
    this.#to = at
    const slab = this.#slab!
    slab.holders++
    this.#write()
    this.#from = at + size
    this.#to = at + size
    if (SLAB_BYTES - this.#to < LEAST_ROOM) this.#retire()
    return { slab, at, size }
  }

  send(region: Region): void {
    this.flush()
    this.#hand(region.slab, region.at, region.at + region.size)
  }

  drop(region: Region): void {
    this.#release(region.slab)
  }

  /** Sends what was built. */
  flush(): void {
    if (!this.#slab) return
    this.#write()
    if (SLAB_BYTES - this.#to < LEAST_ROOM) this.#retire()
  }

  /** Sends at the end of this turn, together with what else is finished until then. */
  flushSoon(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  /** Nothing is sent any more. */
  close(): void {
    this.#isClosed = true
    this.#retire()
  }

  #retire(): void {
    if (this.#slab) this.#memory.release(this.#slab)
    this.#slab = undefined
    this.#from = 0
    this.#to = 0
  }

  #write(): void {
    if (this.#to === this.#from) return
    const slab = this.#slab!
    const from = this.#from
    this.#from = this.#to
    slab.holders++
    this.#hand(slab, from, this.#to)
  }

  /** The current slab is kept only while something of it is under way: idle connections have none. */
  #rest(): void {
    if (this.#slab?.holders === 1 && this.#from === this.#to) this.#retire()
  }

  #release(slab: Slab): void {
    this.#memory.release(slab)
    this.#rest()
  }

  /** Gives a piece to the socket, with the hold on its slab. */
  #hand(slab: Slab, from: number, to: number): void {
    if (this.#isClosed || this.#socket.destroyed || this.#socket.writableEnded) {
      this.#memory.release(slab)
      if (this.#isClosed) this.#retire()
      return
    }
    let isTaken = false
    this.#socket.write(slab.bytes.subarray(from, to), () => {
      if (isTaken) this.#rest()
      else this.#release(slab)
      this.#sent()
    })
    // The kernel has it all already: what is built next may take the same place, which is still in the processor's cache.
    if (slab === this.#slab && this.#socket.writableLength === 0 && !this.#socket.destroyed) {
      isTaken = true
      slab.holders--
      if (slab.holders === 1 && this.#from === this.#to) {
        this.#from = 0
        this.#to = 0
      }
    }
  }
}
