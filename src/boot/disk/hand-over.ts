import type { Socket } from 'node:net'

/**
 * Makes a paused socket read nothing more, and takes out what it has read, before it is sent to another process. `pause` alone keeps what
 * arrives from the listeners but goes on reading from the kernel, and the copy that stays here until the other process has confirmed the
 * socket reads as well: bytes that the peer sends meanwhile would be lost. Node has no public call for it. The socket is of no use here
 * afterwards.
 *
 * @returns what it had read, and what closes the copy that is left here, which does nothing once that is closed.
 */
export function stopReading(socket: Socket): Readonly<{ more: Buffer | undefined; close: () => void }> {
  const left: Buffer | null = socket.read()
  // `reading` of the handle stays as it is, so that the stream does not begin again.
  const { _handle: handle } = socket as unknown as { _handle?: { readStop(): number; close(): void } | null }
  handle?.readStop()
  return { more: left ?? undefined, close: () => handle?.close() }
}
