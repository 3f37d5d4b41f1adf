import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { findTarget } from './connect.ts'

const folder = mkdtempSync(join(tmpdir(), 'reveille-connect-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('an address that was given beats the socket', () => {
  writeFileSync(join(folder, 'control.sock'), '')
  const environment = { REVEILLE_DATA_DIR: folder }
  expect(findTarget(environment, '/')).toEqual({ socket: join(folder, 'control.sock') })
  expect(findTarget({ ...environment, REVEILLE_URL: 'http://h:1', REVEILLE_TOKEN: 't' }, '/')).toEqual({
    url: 'http://h:1',
    token: 't',
  })
})

test('the data directory of the settings file is looked at, relative to here', () => {
  writeFileSync(join(folder, 'reveille.yaml'), 'dataDir: .\n')
  expect(findTarget({}, folder)).toEqual({ socket: join(folder, 'control.sock') })
})

test.each([
  [{ REVEILLE_URL: 'h:1', REVEILLE_TOKEN: 't' }, /REVEILLE_URL is "h:1": it must be an address such as/],
  [{ REVEILLE_URL: 'http://h:1' }, /REVEILLE_TOKEN is not/],
  [{ REVEILLE_DATA_DIR: '/no/where' }, /no control socket \/no\/where\/control\.sock/],
])('%j is refused with what to set', (environment, message) => {
  expect(() => findTarget(environment, '/')).toThrow(message)
})

test.skipIf(process.geteuid?.() !== 0)('who may not pass is told so, and which group may', () => {
  const closed = join(folder, 'closed')
  mkdirSync(closed)
  writeFileSync(join(closed, 'control.sock'), '')
  chmodSync(folder, 0o755)
  const find = () => {
    process.seteuid!(65534)
    try {
      return findTarget({ REVEILLE_DATA_DIR: closed }, '/')
    } finally {
      process.seteuid!(0)
    }
  }
  chmodSync(closed, 0o700)
  expect(find).toThrow(/This user may not use the control socket/)
  chownSync(closed, 0, 7)
  chmodSync(closed, 0o710)
  expect(() => {
    try {
      find()
    } catch (error) {
      throw new Error((error as { next?: string }).next)
    }
  }).toThrow(/as a member of the group lp/)
})
