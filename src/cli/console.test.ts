import { describe, expect, test } from 'vitest'
import { AT, cli } from '../../test/fakes/cli.ts'

describe('console', () => {
  test('lists consoles, and finds lines', async () => {
    const item = {
      machine: 'm_1',
      name: 'web1',
      source: 'driver bmc',
      state: 'open' as const,
      problem: '',
      recordedBytes: 2048,
      lastAt: AT,
      viewers: [{ who: 'anna', via: 'ipmi', mayType: true, since: AT }],
    }
    const listed = await cli(['console'], { listConsoles: () => ({ items: [item], next: null }) })
    expect(listed.out).toMatch(/web1 +driver bmc +open +2.00 KiB +5 min ago +anna \(ipmi\)/)
    const searchConsole = () => ({ items: [{ at: AT, offset: 5, line: 'Kernel panic' }] })
    const found = await cli(['console', 'web1', '--search', 'panic'], { searchConsole })
    expect(found.out).toContain('Kernel panic')
    expect(found.last?.query).toMatchObject({ q: 'panic' })
  })

  test.each([
    [['console', '--log']],
    [['console', 'web1', '--log', '--forget']],
    [['console', 'web1', '--limit', '3']],
  ])('%j is wrong use and nothing is sent', async (words) => {
    expect(await cli(words, {})).toMatchObject({ status: 2, asked: [] })
  })
})
