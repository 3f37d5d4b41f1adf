import { describe, expect, test } from 'vitest'
import { Secret } from '../kit/secret.ts'
import { openLog } from './pino.ts'
import { readableLine } from './readable.ts'

function lines(options: Parameters<typeof openLog>[0]) {
  const written: string[] = []
  return { log: openLog(options, { write: (text) => void written.push(text) }), written }
}

describe('the log', () => {
  test('writes one JSON line each, with level, time and fields', () => {
    const { log, written } = lines({ level: 'info' })
    log.child({ part: 'offer' }).info({ mac: '52:54:00:12:34:56' }, 'offered')
    log.debug({}, 'not at this level')
    expect(written).toHaveLength(1)
    const line = JSON.parse(written[0]!)
    expect(line).toMatchObject({ level: 'info', part: 'offer', mac: '52:54:00:12:34:56', msg: 'offered' })
    expect(Date.parse(line.time)).toBeGreaterThan(0)
  })

  test('no secret gets through, by type or by name, however deep or bound', () => {
    const { log, written } = lines({ level: 'debug' })
    log.child({ owner: { key: new Secret('hunter1') } }).warn(
      {
        a: [{ b: new Secret('hunter2') }],
        password: 'hunter3',
        request: { headers: { authorization: 'Bearer hunter4', cookie: 'hunter5' } },
        user: { token: 'hunter6', secret: 'hunter7' },
      },
      'careful',
    )
    expect(written.join('')).not.toContain('hunter')
    expect(written.join('')).toContain('[secret]')
  })

  test('errors keep message and stack', () => {
    const { log, written } = lines({ level: 'info' })
    log.error({ error: new TypeError('broken') }, 'failed')
    expect(JSON.parse(written[0]!).error).toMatchObject({
      type: 'TypeError',
      message: 'broken',
      stack: expect.stringContaining('pino.test.ts'),
    })
  })

  test('a value that holds itself does not end the program', () => {
    const { log, written } = lines({ level: 'info' })
    const loop: Record<string, unknown> = {}
    loop.self = loop
    log.info({ loop }, 'round')
    expect(written[0]).toContain('[deep]')
  })
})

describe('readable lines', () => {
  test('say time, level, sentence and fields', () => {
    const { log, written } = lines({ level: 'info', look: 'terminal' })
    log.info({ mac: '52:54:00:12:34:56', text: 'two words' }, 'offered')
    expect(written[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}offered {2}mac=52:54:00:12:34:56 text="two words"\n$/)
  })

  test('control characters of the network cannot steer the terminal', () => {
    const line = readableLine(
      JSON.stringify({ level: 'warn', time: '2026-11-21T12:00:00Z', msg: 'a\u001b[2Jb', host: 'x\u009b1my\u0007' }),
      false,
    )
    expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  })

  test('of the journal have a level in front of each line, and no time', () => {
    const { log, written } = lines({ level: 'info', look: 'journal' })
    log.warn({ mac: '52:54:00:12:34:56' }, 'refused')
    log.error({ error: new TypeError('broken') }, 'failed')
    expect(written[0]).toBe('<4>refused  mac=52:54:00:12:34:56\n')
    const failed = written[1]!.trimEnd().split('\n')
    expect(failed[0]).toBe('<3>failed')
    expect(failed.length).toBeGreaterThan(2)
    for (const line of failed) expect(line).toMatch(/^<3>./)
  })

  test('what is not JSON passes as text', () => {
    expect(readableLine('plain\n', false)).toBe('plain\n')
  })
})
