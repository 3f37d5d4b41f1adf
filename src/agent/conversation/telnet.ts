/** RFC 854: the byte that begins a command, and the commands that are more than two bytes long. */
const IAC = 255
const SB = 250
const SE = 240
const WILL = 251
const DONT = 254

/**
 * Takes the commands out of what a telnet server sends and leaves the bytes of its terminal. We answer none of them: a server then
 * goes by its defaults. Keeps its place between pieces.
 */
export class TelnetReader {
  #state: 'data' | 'command' | 'option' | 'parameters' | 'parameters-command' = 'data'

  read(bytes: Uint8Array): Uint8Array {
    const plain: number[] = []
    for (const byte of bytes)
      switch (this.#state) {
        case 'data':
          if (byte === IAC) this.#state = 'command'
          else plain.push(byte)
          break
        case 'command':
          // Twice means the byte itself.
          if (byte === IAC) plain.push(IAC)
          this.#state = byte === SB ? 'parameters' : byte >= WILL && byte <= DONT ? 'option' : 'data'
          break
        case 'option':
          this.#state = 'data'
          break
        case 'parameters':
          if (byte === IAC) this.#state = 'parameters-command'
          break
        case 'parameters-command':
          this.#state = byte === SE ? 'data' : 'parameters'
          break
      }
    return Uint8Array.from(plain)
  }
}

/** What is typed, as a telnet server takes it. */
export function telnetTyped(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(IAC)) return bytes
  return Uint8Array.from([...bytes].flatMap((byte) => (byte === IAC ? [IAC, IAC] : [byte])))
}
