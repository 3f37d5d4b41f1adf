import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { MemoryRecords } from '../../test/fakes/memory-records.ts'
import { ManualClock } from '../kit/clock.ts'
import type { ConsoleLine } from '../power/driver.ts'
import type { ConsoleSource, ConsoleViewer } from './console.ts'
import { Consoles } from './consoles.ts'

const MACHINE = { id: 'm1', name: 'alpha' }
const bytes = (text: string) => new TextEncoder().encode(text)
const text = (from: Uint8Array) => new TextDecoder().decode(from)

/** A serial line whose other end is the test. */
class Line implements ConsoleLine {
  typed = ''
  closed = false
  print: (piece: string) => void = () => undefined
  drop: (why: string) => void = () => undefined
  listen(received: (piece: Uint8Array) => void, ended: (why: string) => void) {
    this.print = (piece) => received(bytes(piece))
    this.drop = ended
  }
  write(piece: Uint8Array) {
    this.typed += text(piece)
  }
  close() {
    this.closed = true
  }
}

let lines: Line[]
let refuses: string | undefined
let source: ConsoleSource | undefined
let records: MemoryRecords
const clock = new ManualClock(1000)

function consoles(more: { record?: 'always' | 'viewed'; writers?: 'one' | 'several' } = {}) {
  return new Consoles({
    records,
    source: () => source,
    record: more.record ?? 'viewed',
    writers: more.writers ?? 'several',
    clock,
    events: { publish: () => undefined },
  })
}
const viewer = (who: string, mayType = true): ConsoleViewer => ({ who, via: 'api', mayType })

/** A viewer and what they see. */
async function watch(of: Consoles, who: ConsoleViewer) {
  const view = of.attach(MACHINE, who)
  const seen = { text: text(await view.recorded()), ended: '' }
  view.listen(
    (piece) => {
      seen.text += text(piece)
    },
    (why) => {
      seen.ended = why
    },
  )
  await vi.advanceTimersByTimeAsync(0)
  return { view, seen }
}

beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  refuses = undefined
  records = new MemoryRecords()
  source = {
    name: 'driver bmc',
    open: async () => {
      if (refuses !== undefined) throw new Error(refuses)
      const line = new Line()
      lines.push(line)
      return line
    },
  }
})
afterEach(() => vi.useRealTimers())

describe('one line, many viewers', () => {
  test('is opened once, shared, recorded, and closed a moment after the last viewer left', async () => {
    const all = consoles()
    const first = await watch(all, viewer('anna'))
    const second = await watch(all, viewer('ben'))
    expect(lines).toHaveLength(1)
    lines[0]?.print('login: ')
    expect([first.seen.text, second.seen.text]).toEqual(['login: ', 'login: '])
    expect(records.kept.get('m1')).toBe('login: ')
    expect(all.list()).toMatchObject([{ machine: 'm1', state: 'open', source: 'driver bmc', recordedBytes: 7 }])
    first.view.close()
    second.view.close()
    const third = await watch(all, viewer('cleo'))
    expect(third.seen.text).toBe('login: ')
    expect(lines).toHaveLength(1)
    third.view.close()
    await vi.advanceTimersByTimeAsync(5000)
    expect(lines[0]?.closed).toBe(true)
    expect(all.list()).toMatchObject([{ state: 'closed', viewers: [] }])
  })

  test('takes what writers type, and nothing of those who only look', async () => {
    const all = consoles()
    const writer = await watch(all, viewer('anna'))
    const reader = await watch(all, viewer('ben', false))
    reader.view.write(bytes('halt\r'))
    writer.view.write(bytes('ls\r'))
    expect(lines[0]?.typed).toBe('ls\r')
    writer.view.close()
    writer.view.write(bytes('late\r'))
    expect(lines[0]?.typed).toBe('ls\r')
  })

  test('with one writer at a time says who types, and hands the keyboard over after a while', async () => {
    const all = consoles({ writers: 'one' })
    const anna = await watch(all, viewer('anna'))
    const ben = await watch(all, viewer('ben'))
    anna.view.write(bytes('a'))
    ben.view.write(bytes('b'))
    ben.view.write(bytes('b'))
    expect(lines[0]?.typed).toBe('a')
    expect(ben.seen.text.match(/anna is typing/g)).toHaveLength(1)
    clock.advance(30_001)
    ben.view.write(bytes('c'))
    anna.view.write(bytes('d'))
    expect(lines[0]?.typed).toBe('ac')
    ben.view.close()
    anna.view.write(bytes('e'))
    expect(lines[0]?.typed).toBe('ace')
  })
})

describe('a line that is lost', () => {
  test('is opened again with growing pauses, and everybody who looks is told why', async () => {
    const all = consoles()
    const { seen } = await watch(all, viewer('anna'))
    refuses = 'the BMC does not answer'
    lines[0]?.drop('the session ended')
    expect(seen.text).toContain('[reveille: the session ended; trying again in 1 s]')
    await vi.advanceTimersByTimeAsync(1000)
    expect(seen.text).toContain('[reveille: the BMC does not answer; trying again in 2 s]')
    expect(all.list()).toMatchObject([{ state: 'failed', problem: 'the BMC does not answer' }])
    refuses = undefined
    await vi.advanceTimersByTimeAsync(2000)
    lines[1]?.print('back')
    expect(seen.text.endsWith('back')).toBe(true)
    // Notices are for viewers: the machine never printed them.
    expect(records.kept.get('m1')).toBe('back')
    expect(seen.ended).toBe('')
  })

  test('is not asked for by nobody', async () => {
    const all = consoles()
    refuses = 'no'
    const { view } = await watch(all, viewer('anna'))
    view.close()
    await vi.advanceTimersByTimeAsync(5000)
    refuses = undefined
    await vi.advanceTimersByTimeAsync(100_000)
    expect(lines).toHaveLength(0)
    expect(all.list()).toMatchObject([])
  })

  test('ends for its viewers when the machine has no console any more, and when it is removed', async () => {
    const all = consoles()
    const { seen } = await watch(all, viewer('anna'))
    source = undefined
    lines[0]?.drop('gone')
    await vi.advanceTimersByTimeAsync(1000)
    expect(seen.ended).toBe('the machine has no such console any more; open it again')
    expect(() => all.attach(MACHINE, viewer('anna'))).toThrow(/no serial console of alpha/)
  })

  test('that opens only after everybody left is closed', async () => {
    let opened = (_: ConsoleLine) => {}
    source = {
      name: 'slow',
      open: () =>
        new Promise((resolve) => {
          opened = resolve
        }),
    }
    const all = consoles()
    all.attach(MACHINE, viewer('anna')).close()
    await vi.advanceTimersByTimeAsync(5000)
    const line = new Line()
    opened(line)
    await vi.advanceTimersByTimeAsync(0)
    expect(line.closed).toBe(true)
  })
})

test('lines are held open without viewers where everything is recorded', async () => {
  const all = consoles({ record: 'always' })
  all.hold(['m1'])
  await vi.advanceTimersByTimeAsync(0)
  lines[0]?.print('boot')
  expect(records.kept.get('m1')).toBe('boot')
  lines[0]?.drop('gone')
  await vi.advanceTimersByTimeAsync(1000)
  expect(lines).toHaveLength(2)
  const { view, seen } = await watch(all, viewer('anna'))
  expect(seen.text).toBe('boot')
  view.close()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(lines[1]?.closed).toBe(false)
  await all.stop()
  expect(lines[1]?.closed).toBe(true)
})

test('an open line is taken from elsewhere when routes say so, and its viewers stay and are told', async () => {
  const all = consoles()
  const { view, seen } = await watch(all, viewer('anna'))
  all.follow('m1')
  expect(lines[0]?.closed, 'nothing changed').toBe(false)
  const os: Line[] = []
  source = {
    name: 'driver os',
    open: async () => {
      os.push(new Line())
      return os[0]!
    },
  }
  all.follow('m1')
  await vi.advanceTimersByTimeAsync(0)
  expect(lines[0]?.closed).toBe(true)
  os[0]?.print('$ ')
  expect(seen.text).toBe('\r\n[reveille: the console comes from driver os now]\r\n$ ')
  view.write(bytes('ls\r'))
  expect(os[0]?.typed).toBe('ls\r')
  source = undefined
  all.follow('m1')
  expect(seen.ended).toContain('open it again')
  expect(os[0]?.closed).toBe(true)
})

test('a line that is still being opened elsewhere is closed when it comes', async () => {
  const slow = new Line()
  let opened: (line: ConsoleLine) => void = () => undefined
  source = { name: 'driver slow', open: () => new Promise((resolve) => (opened = resolve)) }
  const all = consoles()
  await watch(all, viewer('anna'))
  source = { name: 'driver bmc', open: async () => lines[lines.push(new Line()) - 1]! }
  all.follow('m1')
  await vi.advanceTimersByTimeAsync(0)
  opened(slow)
  await vi.advanceTimersByTimeAsync(0)
  expect(slow.closed).toBe(true)
  expect(lines[0]?.closed).toBe(false)
  expect(all.list()).toMatchObject([{ state: 'open' }])
})

test('a held line without viewers follows, too', async () => {
  const all = consoles({ record: 'always' })
  all.hold(['m1'])
  await vi.advanceTimersByTimeAsync(0)
  source = { ...source!, name: 'driver other' } as ConsoleSource
  all.follow('m1')
  await vi.advanceTimersByTimeAsync(0)
  expect(lines.map(({ closed }) => closed)).toEqual([true, false])
  expect(all.list()).toMatchObject([{ state: 'open' }])
  await all.stop()
})

describe('a console with a record of its own', () => {
  test('is shown as it is, typed into by right, and searched', async () => {
    let typed = ''
    const followers = new Set<(piece: Uint8Array) => void>()
    source = {
      name: 'lab',
      own: {
        recorded: async () => bytes('one\r\ntwo\r\n'),
        follow: (received) => {
          followers.add(received)
          return () => followers.delete(received)
        },
        type: (piece) => {
          typed += text(piece)
        },
      },
    }
    const all = consoles()
    const { view, seen } = await watch(all, viewer('anna'))
    const reader = await watch(all, viewer('ben', false))
    for (const each of followers) each(bytes('three'))
    expect(seen.text).toBe('one\r\ntwo\r\nthree')
    view.write(bytes('x'))
    reader.view.write(bytes('y'))
    expect(typed).toBe('x')
    expect(await all.search(MACHINE, 'TWO', 10)).toMatchObject([{ line: 'two', offset: 5 }])
    expect(text(await all.record(MACHINE))).toBe('one\r\ntwo\r\n')
    view.close()
    reader.view.close()
    expect(followers.size).toBe(0)
    expect(all.list()).toEqual([])
  })

  test('is no record when it is a shell', async () => {
    const own = { recorded: async () => bytes('#'), follow: () => () => undefined, type: () => undefined }
    source = { name: 'agent', own: { ...own, audited: 'machine.shell' } }
    await expect(consoles().record(MACHINE)).rejects.toThrow(/only a shell/)
  })
})

test('a machine has a bounded number of viewers', () => {
  const all = consoles()
  for (let i = 0; i < 64; i++) all.attach(MACHINE, viewer(`v${i}`))
  expect(() => all.attach(MACHINE, viewer('one more'))).toThrow(/64 viewers/)
})
