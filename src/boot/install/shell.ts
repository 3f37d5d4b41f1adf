import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { decodeClientFrame, encodeServerFrame, OPCODE } from '../../protocols/websocket/frame.ts'

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const RECORDED_BYTES = 64 * 1024
const MOST_UNSENT = 1024 * 1024

/** As the API's serial consoles. */
export type ShellConsole = Readonly<{
  recorded(): Promise<Uint8Array>
  follow(listener: (bytes: Uint8Array) => void, ended: () => void): () => void
  type(bytes: Uint8Array): void
  /** Root on the machine: for operators only, under this name in the audit log. */
  audited: string
}>

type Shell = {
  readonly followers: Set<{ listener: (bytes: Uint8Array) => void; ended: () => void }>
  socket: Duplex | undefined
  /** Typed before the agent's terminal was there. */
  typed: Uint8Array[]
  recorded: Buffer
}

/**
 * Terminals on booted agents. The server cannot call an agent: while an operator looks, the answers to its questions say that a
 * shell is wanted, and the agent opens one. It ends with the last operator.
 */
export class Shells {
  readonly #shells = new Map<string, Shell>()

  /** Whether an operator waits for a terminal on this machine (by id) and there is none yet. */
  wanted(machine: string): boolean {
    const shell = this.#shells.get(machine)
    return shell !== undefined && shell.socket === undefined
  }

  /** One operator's view. The shell begins with the first and ends with the last. */
  console(machine: string): ShellConsole {
    return {
      audited: 'machine.shell',
      recorded: async () => this.#shells.get(machine)?.recorded ?? new Uint8Array(),
      follow: (listener, ended) => {
        const shell = this.#shells.get(machine) ?? {
          followers: new Set(),
          socket: undefined,
          typed: [],
          recorded: Buffer.alloc(0),
        }
        this.#shells.set(machine, shell)
        const follower = { listener, ended }
        shell.followers.add(follower)
        if (!shell.socket) listener(Buffer.from('Asking the machine for a shell; it looks every few seconds.\r\n'))
        return () => {
          shell.followers.delete(follower)
          if (shell.followers.size > 0) return
          if (this.#shells.get(machine) === shell) this.#shells.delete(machine)
          shell.socket?.end(encodeServerFrame(OPCODE.close, Uint8Array.of(0x03, 0xe8)))
        }
      },
      type: (bytes) => {
        const shell = this.#shells.get(machine)
        if (!shell) return
        if (shell.socket) shell.socket.write(encodeServerFrame(OPCODE.binary, bytes))
        else if (shell.typed.length < 100) shell.typed.push(bytes)
      },
    }
  }

  /** Takes the agent's terminal, whose session the caller has checked. */
  accept(machine: string, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const shell = this.#shells.get(machine)
    const key = request.headers['sec-websocket-key']
    if (!shell || shell.socket || key === undefined || request.headers['sec-websocket-version'] !== '13') {
      socket.end('HTTP/1.1 409 Conflict\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      return
    }
    const accepted = createHash('sha1')
      .update(key + ACCEPT_GUID)
      .digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accepted}\r\n\r\n`,
    )
    shell.socket = socket
    for (const bytes of shell.typed.splice(0)) socket.write(encodeServerFrame(OPCODE.binary, bytes))
    this.#relay(machine, shell, socket, head)
  }

  #relay(machine: string, shell: Shell, socket: Duplex, head: Buffer): void {
    let waiting: Buffer = Buffer.alloc(0)
    const end = () => {
      if (shell.socket !== socket) return
      shell.socket = undefined
      if (this.#shells.get(machine) === shell) this.#shells.delete(machine)
      for (const { ended } of shell.followers) ended()
      socket.destroy()
    }
    const take = (bytes: Buffer) => {
      waiting = waiting.length === 0 ? bytes : Buffer.concat([waiting, bytes])
      try {
        for (let read = decodeClientFrame(waiting); read; read = decodeClientFrame(waiting)) {
          waiting = waiting.subarray(read.length)
          const { opcode, payload } = read.frame
          if (opcode === OPCODE.ping) socket.write(encodeServerFrame(OPCODE.pong, payload))
          else if (opcode === OPCODE.close) return end()
          else if (opcode <= OPCODE.binary) this.#print(shell, payload)
        }
      } catch {
        end()
      }
      if (socket.writableLength > MOST_UNSENT) end()
    }
    socket.on('data', take)
    socket.on('close', end)
    socket.on('error', end)
    if (head.length > 0) take(head)
  }

  #print(shell: Shell, bytes: Uint8Array): void {
    const all = Buffer.concat([shell.recorded, bytes])
    shell.recorded = all.subarray(Math.max(0, all.length - RECORDED_BYTES))
    for (const { listener } of shell.followers) listener(bytes)
  }
}
