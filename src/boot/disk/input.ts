import { Socket, type SocketConstructorOpts } from 'node:net'
import { stopReading } from './hand-over.ts'

/**
 * Makes what arrives on a socket be received into memory that is used again: by itself Node takes a new piece of 64 KiB for each read. It has
 * that for sockets that it makes (`onread`), so a new one takes over what is behind the old one, which is of no use then; child_process makes
 * sockets of handles in the same way, but it is not documented. The new one is paused.
 *
 * @returns also what the old one had read; `undefined` where it cannot be done: the socket is as it was.
 */
export function takeOver(
  socket: Socket,
  onread: NonNullable<SocketConstructorOpts['onread']>,
): Readonly<{ socket: Socket; left: Buffer | undefined }> | undefined {
  const old = socket as unknown as { _handle?: object | null }
  const handle = old._handle
  if (!handle || socket.destroyed) return undefined
  const { more } = stopReading(socket)
  const own = new Socket({ handle, onread, pauseOnCreate: true } as SocketConstructorOpts)
  if ((own as unknown as typeof old)._handle !== handle) {
    if (more) socket.unshift(more)
    return undefined
  }
  // Without it nothing is closed but the old one itself.
  old._handle = null
  socket.destroy()
  return { socket: own, left: more }
}
