import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { LogLevel } from '../task.ts'
import { runShell } from './script.ts'

function around() {
  const lines: string[] = []
  const abort = new AbortController()
  return { lines, abort, log: (_level: LogLevel, text: string) => void lines.push(text), stopped: abort.signal }
}

function readState(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return ''
  }
}

describe('a script of an operator', () => {
  test('its lines go to the log, the unfinished last one too', async () => {
    const { lines, ...with_ } = around()
    expect(await runShell('echo one; echo two >&2; printf three', { seconds: 10, ...with_ })).toMatchObject({
      status: 0,
    })
    expect(lines.toSorted()).toEqual(['one', 'three', 'two'])
  })

  test('failed: the status and what it said last', async () => {
    const end = await runShell('echo no disk; exit 7', { seconds: 10, ...around() })
    expect(end).toEqual({ status: 7, why: 'it ended with 7', tail: ['no disk'] })
  })

  test('late: it ends with all that it started', async () => {
    const end = await runShell('sleep 600 & echo $!; sleep 600', { seconds: 0.3, ...around() })
    expect(end.why).toBe('it was not done after 0.3 seconds')
    // Gone, or dead and waiting for its parent to notice.
    const state = () => /^\d+ \(.*\) (.)/.exec(readState(Number(end.tail[0])))?.[1] ?? 'gone'
    await expect.poll(state).toMatch(/gone|Z|X/)
  })

  test('stopped by the operator', async () => {
    const { abort, ...with_ } = around()
    const end = runShell('sleep 600', { seconds: 600, ...with_ })
    abort.abort()
    expect((await end).status).toBeNull()
  })

  test('one that says too much is heard to a bound', async () => {
    const { lines, ...with_ } = around()
    await runShell(
      'i=0; while [ $i -lt 10100 ]; do echo line $i; i=$((i+1)); done; head -c 5000 /dev/zero | tr "\\0" x',
      { seconds: 60, ...with_ },
    )
    expect(lines).toHaveLength(10_001)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(2000)
  })
})
