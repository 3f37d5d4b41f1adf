import type { Kysely } from 'kysely'
import type { AccessRepository } from '../access/repository.ts'
import type { AuditEntry, Role, Token, User } from '../access/user.ts'
import type { AuditRow, Tables, TokenRow, UserRow } from './tables.ts'

/** Numbers audit entries itself, which it may because one process owns the data. */
export async function accessRepository(db: Kysely<Tables>): Promise<AccessRepository> {
  const newest = await db
    .selectFrom('audit')
    .select((eb) => eb.fn.max('id').as('id'))
    .executeTakeFirst()
  let lastAuditId = newest?.id ?? 0
  return {
    async users() {
      return (await db.selectFrom('users').selectAll().orderBy('name').execute()).map(toUser)
    },
    async saveUser(user) {
      const { name, ...changed } = fromUser(user)
      await db
        .insertInto('users')
        .values({ name, ...changed })
        .onConflict((conflict) => conflict.column('name').doUpdateSet(changed))
        .execute()
    },
    async removeUser(name) {
      await db.deleteFrom('users').where('name', '=', name).execute()
    },
    async tokens() {
      return (await db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute()).map(toToken)
    },
    async saveToken(token) {
      const { id, ...changed } = fromToken(token)
      await db
        .insertInto('tokens')
        .values({ id, ...changed })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(changed))
        .execute()
    },
    async removeToken(id) {
      await db.deleteFrom('tokens').where('id', '=', id).execute()
    },
    async sessions() {
      const rows = await db.selectFrom('sessions').selectAll().orderBy('created_at').orderBy('hash').execute()
      return rows.map((row) => ({
        hash: row.hash,
        user: row.user_name,
        createdAt: row.created_at,
        expiresAt: row.expires_at,
        address: row.address,
      }))
    },
    async saveSession({ hash, user, createdAt, expiresAt, address }) {
      const changed = { user_name: user, created_at: createdAt, expires_at: expiresAt, address }
      await db
        .insertInto('sessions')
        .values({ hash, ...changed })
        .onConflict((conflict) => conflict.column('hash').doUpdateSet(changed))
        .execute()
    },
    async removeSession(hash) {
      await db.deleteFrom('sessions').where('hash', '=', hash).execute()
    },
    async removeExpiredSessions(now) {
      const result = await db.deleteFrom('sessions').where('expires_at', '<=', now).executeTakeFirst()
      return Number(result.numDeletedRows)
    },
    async appendAudit({ at, who, via, address, action, subject, outcome, detail }) {
      lastAuditId += 1
      const id = lastAuditId
      await db.insertInto('audit').values({ id, at, who, via, address, action, subject, outcome, detail }).execute()
    },
    async audit({ limit, before, who, subject }) {
      let query = db.selectFrom('audit').selectAll()
      if (before !== undefined) query = query.where('id', '<', before)
      if (who !== undefined) query = query.where('who', '=', who)
      if (subject !== undefined) query = query.where('subject', '=', subject)
      return (await query.orderBy('id', 'desc').limit(limit).execute()).map(toAuditEntry)
    },
    async pruneAudit(olderThan) {
      const result = await db.deleteFrom('audit').where('at', '<', olderThan).executeTakeFirst()
      return Number(result.numDeletedRows)
    },
  }
}

function fromUser(user: User): UserRow {
  return {
    name: user.name,
    role: user.role,
    password_hash: user.passwordHash,
    disabled: user.disabled ? 1 : 0,
    created_at: user.createdAt,
    updated_at: user.updatedAt,
  }
}

function toUser(row: UserRow): User {
  return {
    name: row.name,
    role: row.role as Role,
    passwordHash: row.password_hash,
    disabled: row.disabled === 1,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

function fromToken(token: Token): TokenRow {
  return {
    id: token.id,
    name: token.name,
    user_name: token.user,
    hash: token.hash,
    hint: token.hint,
    scopes_json: JSON.stringify(token.scopes),
    created_at: token.createdAt,
    expires_at: token.expiresAt,
    last_used_at: token.lastUsedAt,
  }
}

function toToken(row: TokenRow): Token {
  return {
    id: row.id,
    name: row.name,
    user: row.user_name,
    hash: row.hash,
    hint: row.hint,
    scopes: JSON.parse(row.scopes_json) as string[],
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  }
}

function toAuditEntry(row: AuditRow): AuditEntry {
  return { ...row, outcome: row.outcome as AuditEntry['outcome'] }
}
