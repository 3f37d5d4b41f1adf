import { fstatSync } from 'node:fs'
import type { Log } from '../kit/log.ts'
import type { LogLook } from '../log/pino.ts'
import { tellSystemd } from '../service/drivers/notify.ts'
import { isJournal, planNotices } from '../service/notice.ts'

/** For whom the log is written: whoever reads the standard output. */
export function logLook(): LogLook {
  if (process.stdout.isTTY) return 'colour'
  return isJournal(process.env, fstatSync(1, { bigint: true })) ? 'journal' : 'json'
}

/** What systemd is told of this process; does nothing where systemd does not ask. */
export function serviceNotices(log: Log): Readonly<{ ready(): void; stopping(): void }> {
  const plan = planNotices(process.env, process.pid)
  if (!plan) return { ready() {}, stopping() {} }
  const { socket, beatMs } = plan
  return {
    ready() {
      tellSystemd(socket, { say: 'READY=1', status: 'machines are answered' }, log)
      // A timer of the event loop: when that stands still, so does the beat, and systemd starts the server again.
      if (beatMs !== null) setInterval(() => tellSystemd(socket, { say: 'WATCHDOG=1' }, log), beatMs).unref()
    },
    stopping: () => tellSystemd(socket, { say: 'STOPPING=1', status: 'stopping' }, log),
  }
}
