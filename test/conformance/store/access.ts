import { describe, expect, test } from 'vitest'
import { auditEntry, session, token, user } from '../values.ts'
import { type StoreEngine, storeBed } from './engines.ts'

export function accessSuite(engine: StoreEngine): void {
  const bed = storeBed(engine)

  describe('access', () => {
    test('users, and with a user goes what is theirs', async () => {
      const { access } = bed.store
      await access.saveUser(user('admin', { disabled: false, role: 'admin' }))
      await access.saveUser(user('bob'))
      for (const owner of ['admin', 'bob']) {
        await access.saveToken(token(`k_${owner}`, owner))
        await access.saveSession(session(`s_${owner}`, owner))
      }
      await access.saveUser(user('bob', { role: 'viewer', passwordHash: 'x', disabled: false, updatedAt: 9 }))
      expect(await access.users()).toEqual([
        user('admin', { disabled: false, role: 'admin' }),
        user('bob', { role: 'viewer', passwordHash: 'x', disabled: false, updatedAt: 9 }),
      ])
      expect(await access.tokens(), 'a changed user keeps the tokens').toHaveLength(2)
      await access.removeUser('bob')
      const again = (await bed.reopened()).access
      expect(await again.users()).toHaveLength(1)
      expect(await again.tokens()).toEqual([token('k_admin', 'admin')])
      expect(await again.sessions()).toEqual([session('s_admin', 'admin')])
    })
    test('tokens and sessions, of users that exist', async () => {
      const { access } = bed.store
      await access.saveUser(user('bob'))
      await access.saveToken(token('k_1', 'bob'))
      await access.saveToken(token('k_1', 'bob', { lastUsedAt: 50, expiresAt: 60, scopes: [] }))
      await access.saveToken(token('k_2', 'bob', { createdAt: 2 }))
      expect(await access.tokens()).toEqual([
        token('k_1', 'bob', { lastUsedAt: 50, expiresAt: 60, scopes: [] }),
        token('k_2', 'bob', { createdAt: 2 }),
      ])
      await access.removeToken('k_1')
      expect(await access.tokens()).toHaveLength(1)
      await expect(access.saveToken(token('k_3', 'nobody'))).rejects.toThrow()
      await access.saveSession(session('a', 'bob', { expiresAt: 10 }))
      await access.saveSession(session('b', 'bob', { expiresAt: 11 }))
      await access.saveSession(session('c', 'bob', { expiresAt: 12 }))
      await access.saveSession(session('c', 'bob', { expiresAt: 13 }))
      expect(await access.removeExpiredSessions(10)).toBe(1)
      await access.removeSession('b')
      expect(await access.sessions()).toEqual([session('c', 'bob', { expiresAt: 13 })])
    })
    test('the audit log: numbered on, newest first, filtered, pruned', async () => {
      const { access } = bed.store
      for (let at = 1; at <= 3; at++) await access.appendAudit(auditEntry(at))
      await Promise.all(
        [4, 5].map((at) => access.appendAudit(auditEntry(at, { who: 'bob', subject: 'node-2', outcome: 'refused' }))),
      )
      const again = (await bed.reopened()).access
      await again.appendAudit(auditEntry(6))
      const all = await again.audit({ limit: 100 })
      expect(all.map((entry) => entry.at)).toEqual([6, 5, 4, 3, 2, 1])
      expect(new Set(all.map((entry) => entry.id)).size).toBe(6)
      expect(all[1]).toEqual({
        ...auditEntry(5, { who: 'bob', subject: 'node-2', outcome: 'refused' }),
        id: all[1]?.id,
      })
      expect((await again.audit({ limit: 2, before: all[1]!.id })).map((entry) => entry.at)).toEqual([4, 3])
      expect((await again.audit({ limit: 9, who: 'bob' })).map((entry) => entry.at)).toEqual([5, 4])
      expect((await again.audit({ limit: 9, who: 'admin', subject: 'node-1' })).map((entry) => entry.at)).toEqual([
        6, 3, 2, 1,
      ])
      expect(await again.pruneAudit(4)).toBe(3)
      expect((await again.audit({ limit: 9 })).map((entry) => entry.at)).toEqual([6, 5, 4])
    })
  })
}
