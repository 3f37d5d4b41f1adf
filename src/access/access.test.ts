import { describe, expect, test } from 'vitest'
import { MemoryAccess } from '../../test/fakes/access-rows.ts'
import { Events } from '../events/event.ts'
import { ManualClock } from '../kit/clock.ts'
import type { Secret } from '../kit/secret.ts'
import { Access, type FirstPassword } from './access.ts'
import { Passwords } from './passwords.ts'

class MemoryPassword implements FirstPassword {
  kept: string | undefined
  read = async () => this.kept
  write = async (password: Secret) => {
    this.kept = password.reveal()
  }
  remove = async () => {
    this.kept = undefined
  }
}

function parts(repository = new MemoryAccess(), firstPassword = new MemoryPassword()) {
  const passwords = new Passwords({ memoryKiB: 8, passes: 1, lanes: 1 })
  return { repository, firstPassword, clock: new ManualClock(), events: new Events(), auditKeepDays: 30, passwords }
}
const SOCKET = { name: 'admin', role: 'admin', scopes: ['*:*'], via: 'socket' } as const
const PASSWORD = 'correct horse battery'

describe('the first password', () => {
  test('is made once, stands over restarts, and is told only by the first', async () => {
    const given = parts()
    const first = await Access.open(given)
    const password = given.firstPassword.kept!
    expect(password).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/)
    expect(first.firstPassword?.reveal()).toBe(password)
    const second = await Access.open(given)
    expect(second.firstPassword).toBeUndefined()
    const { principal } = await second.login({ username: 'Admin ', password, address: '::1' })
    expect(second.mustChangePassword(principal)).toBe(true)
    expect(second.mustChangePassword(SOCKET)).toBe(false)
  })

  test('whose file outlived its change is removed at the next start', async () => {
    const given = parts()
    const access = await Access.open(given)
    const stale = given.firstPassword.kept
    await access.updateUser('admin', { password: PASSWORD })
    expect(given.firstPassword.kept).toBeUndefined()
    given.firstPassword.kept = stale
    const next = await Access.open(given)
    expect(given.firstPassword.kept).toBeUndefined()
    expect(next.mustChangePassword({ ...SOCKET, via: 'session' })).toBe(false)
  })

  test('is made anew when the start was killed before the user was kept', async () => {
    const given = parts()
    given.firstPassword.kept = 'of the killed start'
    await Access.open(given)
    expect(given.firstPassword.kept).not.toBe('of the killed start')
  })

  test('goes with its user', async () => {
    const given = parts()
    const access = await Access.open(given)
    await access.createUser({ name: 'root', role: 'admin', password: PASSWORD })
    await access.removeUser('admin')
    expect(given.firstPassword.kept).toBeUndefined()
  })
})

describe('the last admin', () => {
  test('can be neither removed, nor demoted, nor disabled', async () => {
    const access = await Access.open(parts())
    const refused = { code: 'conflict', message: expect.stringContaining('last admin') }
    await expect(access.removeUser('admin')).rejects.toMatchObject(refused)
    await expect(access.updateUser('admin', { role: 'operator' })).rejects.toMatchObject(refused)
    await expect(access.updateUser('admin', { disabled: true })).rejects.toMatchObject(refused)
    await access.createUser({ name: 'root', role: 'admin', password: PASSWORD })
    await access.updateUser('root', { disabled: true })
    await expect(access.removeUser('admin')).rejects.toMatchObject(refused)
    await access.removeUser('root')
    expect(access.users().map(({ name }) => name)).toEqual(['admin'])
  })

  test('of two that go at the same time stays', async () => {
    const access = await Access.open(parts())
    await access.createUser({ name: 'root', role: 'admin', password: PASSWORD })
    const outcomes = await Promise.allSettled([access.removeUser('admin'), access.removeUser('root')])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  })
})

describe('tokens', () => {
  test('expire to the millisecond, unless they are for ever', async () => {
    const given = parts()
    const access = await Access.open(given)
    const short = await access.createToken(SOCKET, { name: 'short', scopes: ['*:*'], days: 1 })
    const lasting = await access.createToken(SOCKET, { name: 'lasting', scopes: ['*:*'], days: null })
    const works = ({ secret }: { secret: Secret }) =>
      access.authenticate({ kind: 'token', secret: secret.reveal() }) !== undefined
    given.clock.advance(86_400_000 - 1)
    expect([works(short), works(lasting)]).toEqual([true, true])
    given.clock.advance(1)
    expect([works(short), works(lasting)]).toEqual([false, true])
  })

  test('are kept as fingerprint and hint, and remember when they were used', async () => {
    const given = parts()
    const access = await Access.open(given)
    const { token, secret } = await access.createToken(SOCKET, { name: 'ci', scopes: ['machines:read'], days: 1 })
    expect(secret.reveal()).toMatch(/^rv_[\w-]{43}$/)
    expect(JSON.stringify([...given.repository.tokenRows.values()])).not.toContain(secret.reveal().slice(8))
    expect(token.hint).toBe(secret.reveal().slice(0, 7))
    access.authenticate({ kind: 'token', secret: secret.reveal() })
    const [used] = access.tokensFor(SOCKET)
    expect(used?.lastUsedAt).toBe(given.clock.now())
    const again = await Access.open(given)
    expect(again.authenticate({ kind: 'token', secret: secret.reveal() })).toEqual({
      name: 'admin',
      role: 'admin',
      scopes: ['machines:read'],
      via: 'token',
    })
  })

  test('are seen and revoked by their user and by admins, and go with the user', async () => {
    const access = await Access.open(parts())
    await access.createUser({ name: 'eve', role: 'user', password: PASSWORD })
    await access.createUser({ name: 'bob', role: 'user', password: PASSWORD })
    const eve = { name: 'eve', role: 'user', scopes: ['*:*'], via: 'session' } as const
    const bob = { ...eve, name: 'bob' }
    const { token, secret } = await access.createToken(eve, { name: 'mine', scopes: ['*:*'], days: 1 })
    expect(access.tokensFor(bob)).toEqual([])
    await expect(access.revokeToken(bob, token.id)).rejects.toMatchObject({ code: 'not-found' })
    expect(access.tokensFor(SOCKET)).toHaveLength(1)
    await access.removeUser('eve')
    expect(access.authenticate({ kind: 'token', secret: secret.reveal() })).toBeUndefined()
    expect(access.tokensFor(SOCKET)).toEqual([])
  })

  test('of one user have names of their own, and a limit', async () => {
    const access = await Access.open(parts())
    await access.createToken(SOCKET, { name: 'ci', scopes: ['*:*'], days: 1 })
    await expect(access.createToken(SOCKET, { name: 'ci', scopes: ['*:*'], days: 1 })).rejects.toMatchObject({
      code: 'conflict',
    })
    for (let i = 1; i < 100; i++) await access.createToken(SOCKET, { name: `t${i}`, scopes: ['*:*'], days: 1 })
    await expect(access.createToken(SOCKET, { name: 'one more', scopes: ['*:*'], days: 1 })).rejects.toMatchObject({
      message: expect.stringContaining('100 tokens'),
    })
  })
})

describe('a change that the disk refuses', () => {
  test('has not happened', async () => {
    const given = parts()
    const access = await Access.open(given)
    given.repository.saveUser = async () => {
      throw new Error('disk I/O error')
    }
    await expect(access.createUser({ name: 'eve', role: 'user', password: PASSWORD })).rejects.toThrow('disk')
    expect(access.users().map(({ name }) => name)).toEqual(['admin'])
  })
})

test('old audit entries and ended sessions are pruned', async () => {
  const given = parts()
  const access = await Access.open(given)
  await access.login({ username: 'admin', password: given.firstPassword.kept!, address: '::1' })
  const deed = { who: 'a', via: 'token', address: '::1', action: 'x', subject: 'y', outcome: 'ok', detail: '' } as const
  await access.audit.record(deed)
  given.clock.advance(30 * 86_400_000)
  await access.audit.record(deed)
  await access.prune()
  expect(given.repository.log).toHaveLength(2)
  given.clock.advance(1)
  await access.prune()
  expect(given.repository.log).toHaveLength(1)
  expect(given.repository.sessionRows.size).toBe(0)
})
