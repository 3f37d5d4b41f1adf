import { describe, expect, test } from 'vitest'
import { cli } from '../../test/fakes/cli.ts'
import { NO_LOCAL, runCli } from '../../test/fakes/terminal.ts'
import { unreachable } from '../api/client/problem.ts'
import type { Finding } from '../api/contract/server.ts'
import { Refusal } from '../kit/errors.ts'

describe('serve, doctor and replay', () => {
  const findings: Finding[] = [
    { check: 'clock', status: 'ok', found: 'right', next: null },
    { check: 'port', status: 'failed', found: 'taken', next: 'Free it.' },
  ]

  test('flags of serve become settings', async () => {
    let given: unknown
    const local = {
      ...NO_LOCAL,
      async serve(flags: unknown) {
        given = flags
      },
      doctor: async () => findings,
      replay: async () => [],
    }
    await cli(
      [
        'serve',
        '--config',
        'x.yaml',
        '--data-dir',
        '/d',
        '--dhcp-rate-limit',
        '9',
        '--lab-enabled',
        '--dhcp-conflict-probe',
        'false',
      ],
      {},
      { local },
    )
    expect(given).toEqual({
      config: 'x.yaml',
      dataDir: '/d',
      'dhcp.rateLimit': '9',
      'lab.enabled': 'true',
      'dhcp.conflictProbe': 'false',
    })
  })

  test('doctor asks a running server, and fails when a finding failed', async () => {
    const { status, out } = await cli(['doctor'], { doctor: () => ({ findings }) })
    expect(status).toBe(1)
    expect(out).toBe(
      'ok       clock  right\nfailed   port   taken\n                Free it.\n1 failed, 0 to look at.\n',
    )
  })

  test.each([
    ['no server is here', { target: () => Promise.reject(new Refusal('not-available', 'none')) }, []],
    ['a socket was left behind', {}, []],
    ['settings are given', {}, ['--dhcp-mode', 'off']],
  ])('doctor looks for itself when %s', async (_, more, flags) => {
    const local = { ...NO_LOCAL, doctor: async () => findings.slice(0, 1) }
    const result = await runCli(
      ['doctor', '--json', ...flags],
      () => Promise.reject(unreachable('/socket', new Error('gone'))),
      { local, ...more },
    )
    expect(result).toMatchObject({ status: 0, err: '' })
    expect(JSON.parse(result.out)).toEqual(findings.slice(0, 1))
  })
})
