import { expect, test } from 'vitest'
import type { TraceEvent } from '../../api/contract/traces.ts'
import { detailRows, type StageName, stageProgress } from './progress.ts'

const start = '2026-11-21T12:00:00.000Z'
function event(stage: StageName, ms: number, more: Partial<TraceEvent> = {}): TraceEvent {
  const at = new Date(Date.parse(start) + ms).toISOString()
  return { at, stage, kind: `${stage}.x`, outcome: 'ok', summary: 's', reason: 'r', ...more }
}

test('times count from the first packet, and a stage lasts until the next one begins', () => {
  const stages = stageProgress({
    startedAt: start,
    stage: 'script',
    events: [event('offer', 0), event('offer', 900, { count: 3 }), event('loader', 1200), event('script', 4000)],
  })
  expect(stages.map((s) => s.status)).toEqual(['passed', 'passed', 'here', 'ahead', 'ahead', 'ahead'])
  expect(stages.map((s) => s.sinceStart)).toEqual([0, 1200, 4000, null, null, null])
  expect(stages.map((s) => s.took)).toEqual([1200, 2800, null, null, null, null])
  expect(stages.map((s) => s.events)).toEqual([4, 1, 1, 0, 0, 0])
})

test('a stage that never spoke is skipped, not passed, and the one before it lasts until the next that spoke', () => {
  const stages = stageProgress({
    startedAt: start,
    stage: 'launch',
    events: [event('offer', 0), event('launch', 5000)],
  })
  expect(stages.map((s) => s.status)).toEqual(['passed', 'skipped', 'skipped', 'skipped', 'here', 'ahead'])
  expect(stages[0]?.took).toBe(5000)
})

test('a second DHCP exchange while later stages run does not make time run backwards', () => {
  const stages = stageProgress({
    startedAt: start,
    stage: 'loader',
    events: [event('offer', 0), event('loader', 100), event('offer', 3000)],
  })
  expect(stages[0]).toMatchObject({ status: 'passed', took: 100, events: 2 })
})

test('failures and refusals are trouble; silence on purpose is not', () => {
  const events = [event('offer', 0, { outcome: 'ignored' }), event('loader', 1, { outcome: 'failed' })]
  expect(
    stageProgress({ startedAt: start, stage: 'loader', events })
      .map((s) => s.trouble)
      .slice(0, 2),
  ).toEqual([false, true])
})

test('details become rows, without empty ones', () => {
  const rows = detailRows(event('loader', 0, { kind: 'tftp.read', detail: { file: 'ipxe.efi', size: 12, error: '' } }))
  expect(rows).toEqual([
    ['kind', 'tftp.read'],
    ['file', 'ipxe.efi'],
    ['size', '12'],
  ])
})
