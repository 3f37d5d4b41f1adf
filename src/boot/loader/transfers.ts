import { closeSync, fstatSync, openSync, writeSync } from 'node:fs'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Ipv4 } from '../../kit/ip.ts'
import type { TftpTerms } from '../../protocols/tftp/negotiate.ts'
import { DATA_HEADER } from '../../protocols/tftp/packet.ts'
import { openConnected, openWaker, pathMtu } from '../../sockets/datagrams.ts'
import { closeSocket } from '../../sockets/libc.ts'
import type { LoaderFile } from './file.ts'
import type { TransferOrder, TransferReport } from './transfer-worker.ts'

/** Octets of IP, UDP and TFTP header before the bytes of a block. */
const HEADERS = 20 + 8 + DATA_HEADER
const USUAL_MTU = 1500

const ONE = new Uint8Array(BigUint64Array.of(1n).buffer)

/** The thread that runs all transfers, seen from outside. Reports come in the order in which things happened. */
export class Transfers {
  readonly #worker: Worker
  readonly #waker: number
  readonly #port: MessageChannel['port1']
  readonly #ended: Promise<void>
  #open = true

  constructor(onReport: (report: TransferReport) => void, onFailure: (error: unknown) => void) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#waker = openWaker()
    // Sources run as they are; a package holds compiled files beside each other.
    const entry = new URL(
      import.meta.url.endsWith('.ts') ? './transfer-worker.ts' : './transfer-worker.js',
      import.meta.url,
    )
    this.#worker = new Worker(entry, {
      workerData: { port: port2, waker: this.#waker },
      transferList: [port2],
      // The thread closes files that were opened here.
      trackUnmanagedFds: false,
    })
    port1.on('message', onReport)
    port1.unref()
    this.#worker.on('error', onFailure)
    this.#ended = new Promise((resolve) => this.#worker.once('exit', () => resolve()))
  }

  /**
   * Begins a transfer from `local` to `peer`. `negotiate` gets the size of the file and the largest block that crosses the path in
   * one piece. Throws what the system says when the file or the socket cannot be had.
   */
  start(
    id: number,
    file: LoaderFile,
    local: Ipv4,
    peer: Readonly<{ address: Ipv4; port: number }>,
    negotiate: (size: number, maxBlksize: number) => TftpTerms,
  ): TftpTerms {
    const fd = 'path' in file ? openSync(file.path, 'r') : undefined
    try {
      const size = 'path' in file ? fstatSync(fd!).size : file.bytes.length
      const source = 'path' in file ? { fd: fd! } : { bytes: file.bytes }
      const socket = openConnected(local, peer)
      try {
        const terms = negotiate(size, (pathMtu(socket) ?? USUAL_MTU) - HEADERS)
        this.#tell({ kind: 'start', id, socket, source, terms })
        return terms
      } catch (error) {
        closeSocket(socket)
        throw error
      }
    } catch (error) {
      if (fd !== undefined) closeSync(fd)
      throw error
    }
  }

  repeat(id: number): void {
    this.#tell({ kind: 'repeated-request', id })
  }

  drop(id: number): void {
    this.#tell({ kind: 'drop', id })
  }

  /** Ends all transfers and the thread. */
  async stop(): Promise<void> {
    if (!this.#open) return this.#ended
    this.#tell({ kind: 'stop' })
    this.#open = false
    await this.#ended
    this.#port.close()
    closeSocket(this.#waker)
  }

  #tell(order: TransferOrder): void {
    if (!this.#open) return
    this.#port.postMessage(order)
    writeSync(this.#waker, ONE)
  }
}
