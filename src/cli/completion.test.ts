import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { fakeApi } from '../../test/fakes/api.ts'
import { VOLUME } from '../../test/fakes/cli.ts'
import { runCli } from '../../test/fakes/terminal.ts'
import { unreachable } from '../api/client/problem.ts'
import { COMPLETION_SCRIPTS, SHELLS } from './completion.ts'

const NAMES = ['debian', 'rescue']
const { transport } = fakeApi({
  listProfiles: () => ({
    items: NAMES.map((name) => ({
      name,
      kind: 'local' as const,
      description: '',
      createdAt: '2026-11-21T12:00:00Z',
      updatedAt: '2026-11-21T12:00:00Z',
      usedBy: 0,
    })),
    next: null,
  }),
  listVolumes: () => ({ items: [VOLUME], next: null }),
})

async function offered(...words: string[]): Promise<string[]> {
  const { out, status } = await runCli(['__complete', '--', ...words], transport)
  expect(status).toBe(0)
  return out.split('\n').filter((line) => line !== '')
}

describe('what can be completed', () => {
  test.each([
    [['mach'], ['machine']],
    [
      ['machine', 's'],
      ['script', 'set', 'show', 'switch'],
    ],
    [
      ['volume', 'snapshot'],
      ['snapshot', 'snapshots'],
    ],
    [
      ['room', 'boot'],
      ['boot', 'boot-once'],
    ],
    [['volume', 'export', ''], ['work']],
    [['volume', 'create', 'copy', '--clone', 'w'], ['work']],
    [['volume', 'restore', 'work', ''], []],
    [
      ['volume', 'set', 'work', '--condition', ''],
      ['modified', 'offline', 'ready'],
    ],
    [['machine', 'boot', 'web1', '--p'], ['--profile']],
    [['machine', 'boot', 'web1', '--profile', ''], NAMES],
    [['machine', 'boot', 'web1', '--profile', 'r'], ['rescue']],
    [['machine', 'boot', 'web1', '--once', '--profile', 'de'], ['debian']],
    [['profile', 'rm', 'debian', 're'], ['rescue']],
    [
      ['power', 'web1', 's'],
      ['soft', 'status'],
    ],
    [
      ['lab', 'add', 'vm', '--firmware', ''],
      ['bios', 'uefi'],
    ],
    [
      ['serve', '--dhcp-mode', ''],
      ['off', 'proxy', 'server'],
    ],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh'],
    ],
    [['machine', 'import', ''], [':files']],
    [['image', 'push', 'x', '--kernel', ''], [':files']],
    [['machine', 'add', ''], []],
  ])('%j', async (words, expected) => expect(await offered(...words)).toEqual(expected))

  test('hidden commands are offered nowhere', async () => {
    expect(await offered('')).not.toContain('__complete')
    expect((await runCli(['--help'], transport)).out).not.toContain('__complete')
  })

  test('no server means no names, and no message in the middle of typing', async () => {
    const result = await runCli(['__complete', '--', 'machine', 'show', ''], () =>
      Promise.reject(unreachable('x', new Error('no'))),
    )
    expect(result).toEqual({ status: 0, out: '', err: '' })
  })
})

/** A `reveille` that answers as the real one does for profiles; the shells are the real ones. */
const folder = mkdtempSync(join(tmpdir(), 'reveille-completion-'))
afterAll(() => rmSync(folder, { recursive: true }))
const FAKE = `#!/bin/sh
[ "$1 $2" = '__complete --' ] || exit 1
shift 2
case "$*" in
  'profile show ') printf 'debian\\nrescue\\n' ;;
  'profile show d') printf 'debian\\n' ;;
  'machine import '*) echo ':files' ;;
  *) exit 1 ;;
esac
`
writeFileSync(join(folder, 'reveille'), FAKE)
chmodSync(join(folder, 'reveille'), 0o755)

const installed = (shell: string) => (process.env.PATH ?? '').split(':').some((path) => existsSync(join(path, shell)))

describe('the scripts', () => {
  test('bash offers what reveille says', () => {
    const script = `${COMPLETION_SCRIPTS.bash}
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _reveille; echo "\${COMPREPLY[*]}"; }
ask reveille profile show ''
ask reveille profile show d
ask reveille machine import rack
complete -p reveille
`
    const out = execFileSync('bash', ['--norc', '-c', script], {
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env.PATH}` },
    })
    expect(out).toBe('debian rescue\ndebian\n\ncomplete -F _reveille reveille\n')
  })

  test.each(SHELLS.filter(installed))('%s accepts its script', (shell) => {
    const file = join(folder, `script.${shell}`)
    writeFileSync(file, COMPLETION_SCRIPTS[shell])
    expect(() => execFileSync(shell, ['-n', file])).not.toThrow()
  })
})
