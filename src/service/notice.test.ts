import { expect, test } from 'vitest'
import { SILENT } from '../kit/log.ts'
import { tellSystemd } from './drivers/notify.ts'
import { isJournal, noticeText, planNotices, unixAddress } from './notice.ts'

test('tells nobody unless systemd asks', () => {
  expect(planNotices({}, 1)).toBeUndefined()
  expect(planNotices({ NOTIFY_SOCKET: '' }, 1)).toBeUndefined()
  expect(planNotices({ NOTIFY_SOCKET: 'relative' }, 1)).toBeUndefined()
  expect(planNotices({ NOTIFY_SOCKET: `/${'x'.repeat(108)}` }, 1)).toBeUndefined()
})

test('beats at half of the time that it is given, and only when it is the process that is watched', () => {
  const NOTIFY_SOCKET = '/run/systemd/notify'
  const plan = (more: Record<string, string>) => planNotices({ NOTIFY_SOCKET, ...more }, 42)
  expect(plan({})).toEqual({ socket: NOTIFY_SOCKET, beatMs: null })
  expect(plan({ WATCHDOG_USEC: '60000000' })?.beatMs).toBe(30_000)
  expect(plan({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '42' })?.beatMs).toBe(30_000)
  expect(plan({ WATCHDOG_USEC: '60000000', WATCHDOG_PID: '43' })?.beatMs).toBe(null)
  expect(plan({ WATCHDOG_USEC: '1' })?.beatMs).toBe(100)
  expect(plan({ WATCHDOG_USEC: 'soon' })?.beatMs).toBe(null)
})

test('a status is one line', () => {
  expect(noticeText({ say: 'READY=1' })).toBe('READY=1')
  expect(noticeText({ say: 'READY=1', status: 'a\nMAINPID=1' })).toBe('READY=1\nSTATUS=a MAINPID=1')
})

test('names in the file system end in a NUL, abstract ones begin with it', () => {
  expect([...unixAddress('/a')]).toEqual([1, 0, 0x2f, 0x61, 0])
  expect([...unixAddress('@a')]).toEqual([1, 0, 0, 0x61])
})

test('nobody there is nothing to fail of', () => {
  expect(() => tellSystemd('/nonexistent/notify', { say: 'STOPPING=1' }, SILENT)).not.toThrow()
})

test('the journal is known by its device and inode, so that what is sent elsewhere stays as it was', () => {
  const file = { dev: 8n, ino: 30_455n }
  expect(isJournal({ JOURNAL_STREAM: '8:30455' }, file)).toBe(true)
  expect(isJournal({ JOURNAL_STREAM: '8:30456' }, file)).toBe(false)
  expect(isJournal({}, file)).toBe(false)
})
