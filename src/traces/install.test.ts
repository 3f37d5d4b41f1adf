import { describe, expect, test } from 'vitest'
import { event, FIRMWARE, IPXE, kernel, start, systemDhcp, T0, traceOf } from '../../test/traces/boots.ts'
import { correlate } from './correlate.ts'
import { advance, stall } from './progress.ts'
import { likeliestCause } from './stall.ts'
import type { TraceEvent } from './trace.ts'
import { explain } from './why.ts'

const script = event('http.script', { decision: 'agent' }, { reason: 'deployment d_1 installs web' })
const pass = event('agent.pass')
const launch = event('mark.launch', { decision: 'agent' })
const hello = event('agent.hello', { version: '1' }, { summary: 'the management OS runs and said hello' })
const task = event('agent.task', { task: 'flash' }, { reason: 'it is to write web@1 to the disk S1' })
const progress = event('agent.progress', {}, { summary: 'it is at work', reason: 'writing' })
const result = event('agent.result', { ok: true, finished: false })
const finished = event('agent.result', { ok: true, finished: true }, { summary: 'it finished', reason: 'restarts' })
const refused = event('agent.refused', {}, { outcome: 'refused', summary: 'refused', reason: 'its boot is over' })
const UNTIL_LAUNCH = [...FIRMWARE, ...IPXE, start, script, kernel, pass, launch]

type Unseen = Omit<TraceEvent, 'at'>
const whole = (...events: Unseen[]) => traceOf([...UNTIL_LAUNCH, ...events])

describe('a boot of the management OS', () => {
  test('is on its way until its last task, and every word of it puts the end of patience off', () => {
    for (const events of [[], [hello], [hello, task], [hello, task, progress], [hello, task, result]]) {
      const trace = whole(...events)
      expect(trace.state).toBe('running')
      expect(trace.deadlineAt).toBeGreaterThan(trace.updatedAt)
    }
    const done = whole(hello, task, result, finished)
    expect([done.state, done.stage, done.deadlineAt]).toEqual(['launched', 'install', null])
    expect(explain(done, { now: T0 }).verdict).toBe('The management OS has done its work: it finished: restarts.')
  })

  test('its own question for an address does not pass for an operating system', () =>
    expect(whole(systemDhcp, hello, systemDhcp)).toMatchObject({ state: 'running', stage: 'install' }))

  test.each<[string, Unseen[], RegExp]>([
    ['no hello', [], /started but never said hello/],
    ['refused', [refused], /was refused: its boot is over/],
    ['silent after hello', [hello], /fell silent right after its hello/],
    ['silent in a task', [hello, task, progress], /fell silent while it is to write web@1 to the disk S1/],
    ['silent after a task', [hello, task, result], /fell silent after: agent\.result/],
  ])('stuck: %s', (_, events, cause) => {
    const trace = whole(...events)
    expect(likeliestCause(trace).text).toMatch(cause)
    const stalled = stall(trace, trace.deadlineAt!)
    expect(stalled).toMatchObject({ state: 'stalled' })
    expect(explain(stalled!, { now: trace.deadlineAt! }).verdict).toMatch(cause)
    const again = advance(stalled!, { ...progress, at: trace.deadlineAt! + 1000 })
    expect(again.state).toBe('running')
  })

  test('what a stranger does in its name neither delays nor ends anything', () => {
    const trace = whole(hello, task)
    const after = advance(trace, { ...refused, at: trace.updatedAt + 1 })
    expect(after).toMatchObject({ state: trace.state, stage: trace.stage, deadlineAt: trace.deadlineAt })
    expect(after.events.at(-1)).toMatchObject({ kind: 'agent.refused' })
  })

  test('its words never begin a trace, and follow after hours', () => {
    const at = T0 + 5 * 3_600_000
    expect(correlate(undefined, { ...progress, at }).action).toBe('skip')
    expect(correlate(whole(hello, task), { ...progress, at }).action).toBe('join')
  })
})
