/**
 * What a service tells systemd (sd_notify(3)): pure decisions. The variables come from systemd alone, so that outside of it nothing is
 * told.
 */

/** Whom to tell, and how often to say that we still turn; `null`: nobody wants to know. */
export type NoticePlan = Readonly<{ socket: string; beatMs: number | null }>

type Environment = Readonly<Record<string, string | undefined>>

/** A name in the file system or, with `@` in front, in the abstract namespace (sd_notify(3), NOTIFY_SOCKET). */
const SOCKET = /^[/@][^\0]{1,106}$/
const LEAST_BEAT_MS = 100

/** `undefined` when we are no service that systemd listens to. `pid`: that of this process. */
export function planNotices(environment: Environment, pid: number): NoticePlan | undefined {
  const socket = environment.NOTIFY_SOCKET
  if (socket === undefined || !SOCKET.test(socket)) return undefined
  // sd_watchdog_enabled(3): the process that is watched may be another one, and half of the time is when to say so.
  const watched = environment.WATCHDOG_PID === undefined || environment.WATCHDOG_PID === String(pid)
  const micros = /^\d{1,15}$/.test(environment.WATCHDOG_USEC ?? '') ? Number(environment.WATCHDOG_USEC) : 0
  const beatMs = watched && micros > 0 ? Math.max(LEAST_BEAT_MS, Math.floor(micros / 2000)) : null
  return { socket, beatMs }
}

/** Words that systemd knows; `status` is a line that `systemctl status` shows. */
export type Notice = Readonly<{ say: 'READY=1' | 'STOPPING=1' | 'WATCHDOG=1'; status?: string }>

export function noticeText({ say, status }: Notice): string {
  return status === undefined ? say : `${say}\nSTATUS=${status.replaceAll(/[\r\n]+/g, ' ')}`
}

/** `struct sockaddr_un`: the family in the order of the machine, then the name; `@` stands for a NUL (unix(7)). */
export function unixAddress(socket: string): Uint8Array {
  const name = new TextEncoder().encode(socket)
  if (socket.startsWith('@')) name[0] = 0
  // A name in the file system ends in a NUL; an abstract one is as long as it is.
  const bytes = new Uint8Array(2 + name.length + (socket.startsWith('@') ? 0 : 1))
  bytes[0] = 1
  bytes.set(name, 2)
  return bytes
}

/** Whether an open file (its device and inode) is the journal of systemd: systemd.exec(5), JOURNAL_STREAM. */
export function isJournal(environment: Environment, file: Readonly<{ dev: bigint; ino: bigint }>): boolean {
  return environment.JOURNAL_STREAM === `${file.dev}:${file.ino}`
}
