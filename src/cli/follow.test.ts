import { describe, expect, test } from 'vitest'
import { fakeApi, type Handlers } from '../../test/fakes/api.ts'
import { NOW, runCli } from '../../test/fakes/terminal.ts'
import type { Trace } from '../api/contract/traces.ts'
import { Refusal } from '../kit/errors.ts'

const iso = (seconds: number) => new Date(NOW + seconds * 1000).toISOString()
type Event = Trace['events'][number]
const event = (seconds: number, stage: Event['stage'], summary: string, more: Partial<Event> = {}): Event => ({
  at: iso(seconds),
  stage,
  kind: 'dhcp.discover',
  outcome: 'ok',
  summary,
  reason: `because of ${summary}`,
  ...more,
})
const trace = (state: Trace['state'], events: Event[], more: Partial<Trace> = {}): Trace => ({
  id: 't_1',
  machine: { id: 'm_1', name: 'web1' },
  mac: '52:54:00:12:34:56',
  startedAt: iso(0),
  updatedAt: events.at(-1)?.at ?? iso(0),
  stage: 'offer',
  state,
  headline: `it is ${state}`,
  deadlineAt: null,
  profile: null,
  bytesSent: 0,
  events,
  dropped: 0,
  ...more,
})

/** A server whose newest trace changes with every look, and which tells of each change. */
function booting(states: (Trace | undefined)[]): Handlers {
  let looks = 0
  const changes: (() => void)[] = []
  return {
    listTraces() {
      const now = states[Math.min(looks, states.length - 1)]
      looks += 1
      setTimeout(() => changes.shift()?.(), 1)
      if (!now) throw new Refusal('not-found', 'no such machine')
      return { items: [now], next: null }
    },
    async *events() {
      for (;;) {
        await new Promise<void>((resolve) => changes.push(resolve))
        yield new TextEncoder().encode('event: change\ndata: {"topic":"trace","id":"t_1","change":"saved"}\n\n')
      }
    },
  }
}

describe('following a boot', () => {
  const discover = event(0, 'offer', 'DISCOVER')
  const script = event(3.25, 'script', 'script asked for')
  const launch = event(5, 'launch', 'launched', { count: 3 })

  test('misses nothing when what repeats is drawn together between two looks', async () => {
    const [ask, wait] = [event(0, 'script', 'asked'), event(1, 'script', 'waits')]
    const again = event(2, 'script', 'asked')
    const drawn = [ask, wait].map((each) => ({ ...each, count: 2, lastAt: iso(3) }))
    const states = [trace('parked', [ask, wait, again]), trace('launched', [...drawn, launch])]
    const { status, out } = await runCli(['why', 'web1', '--follow'], fakeApi(booting(states)).transport)
    expect(status).toBe(0)
    expect(out.match(/(?<=(script|launch) +)(asked|waits|launched)/g)).toEqual(['asked', 'waits', 'asked', 'launched'])
  })

  test('prints every stage once, with time and reason, and ends when the machine has arrived', async () => {
    const { transport } = fakeApi(
      booting([
        undefined,
        trace('running', [discover]),
        trace('running', [discover, script]),
        trace('launched', [discover, script, launch]),
      ]),
    )
    const { status, out, err } = await runCli(['why', 'web1', '--follow'], transport)
    expect(status).toBe(0)
    expect(err).toMatch(/^Waiting for web1 to boot/)
    const lines = out.split('\n').map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, 'TIME').trim())
    expect(lines).toEqual([
      'web1 boots (trace t_1)',
      'TIME    +0.0s  offer   DISCOVER',
      'because of DISCOVER',
      'TIME    +3.3s  script  script asked for',
      'because of script asked for',
      'TIME    +5.0s  launch  launched (3 times)',
      'because of launched',
      'launched: it is launched',
      '',
    ])
  })

  test('says when it stalls, and goes on', async () => {
    const { transport } = fakeApi(booting([trace('stalled', [discover]), trace('launched', [discover, launch])]))
    const { out } = await runCli(['why', 'web1', '--follow'], transport)
    expect(out.indexOf('stalled: it is stalled')).toBeGreaterThan(0)
    expect(out.indexOf('stalled: it is stalled')).toBeLessThan(out.indexOf('launched: it is launched'))
  })

  test('machine boot --watch does not take the boot before the order for its own', async () => {
    const old = trace('launched', [event(-60, 'launch', 'the old one')], { id: 't_0', updatedAt: iso(-60) })
    const handlers = booting([old, old, trace('launched', [launch])])
    const { transport } = fakeApi({ ...handlers, setBoot: () => ({ profile: 'debian', once: null }) })
    const { out } = await runCli(['machine', 'boot', 'web1', '--profile', 'debian', '--watch'], transport)
    expect(out).not.toContain('the old one')
    expect(out).toMatch(/^web1 boots debian\n/)
    expect(out).toContain('launched: it is launched')
  })

  test('--json prints one event a line', async () => {
    const { transport } = fakeApi(booting([trace('launched', [discover, launch])]))
    const { out } = await runCli(['why', 'web1', '--follow', '--json'], transport)
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { trace: 't_1', stage: 'offer' },
      { trace: 't_1', stage: 'launch' },
    ])
  })

  test('not to arrive in time is a failure that says what was seen last', async () => {
    const { transport } = fakeApi(booting([trace('stalled', [discover])]))
    const { status, err } = await runCli(['why', 'web1', '--follow', '--timeout', '0.2'], transport)
    expect(status).toBe(1)
    expect(err).toContain(
      'web1 did not arrive within 0.2 seconds; it is stalled: it is stalled\nAsk: reveille why web1',
    )
  })

  test('Ctrl-C ends the watch and is no failure', async () => {
    const stop = new AbortController()
    const { transport } = fakeApi(booting([trace('running', [discover])]))
    setTimeout(() => stop.abort(), 50)
    expect((await runCli(['why', 'web1', '--follow'], transport, { interrupted: stop.signal })).status).toBe(0)
  })
})
