import type { Log } from '../../kit/log.ts'
import { C, closeSocket, connectSocket, openSocket, sendNow } from '../../sockets/libc.ts'
import { type Notice, noticeText, unixAddress } from '../notice.ts'

/** Tells systemd. Whatever goes wrong is logged only: the work of the server does not depend on it. */
export function tellSystemd(socket: string, notice: Notice, log: Log): void {
  try {
    const fd = openSocket(C.AF_UNIX, C.SOCK_DGRAM, 0)
    try {
      connectSocket(fd, unixAddress(socket))
      sendNow(fd, new TextEncoder().encode(noticeText(notice)))
    } finally {
      closeSocket(fd)
    }
  } catch (error) {
    log.warn({ error, say: notice.say }, 'systemd could not be told')
  }
}
