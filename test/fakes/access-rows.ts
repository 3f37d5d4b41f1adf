import type { AccessRepository } from '../../src/access/repository.ts'
import type { AuditEntry, Session, Token, User } from '../../src/access/user.ts'

/** Access data in memory, with the rules of the interface: rows go with their user, the audit log is newest first. */
export class MemoryAccess implements AccessRepository {
  readonly rows = new Map<string, User>()
  readonly tokenRows = new Map<string, Token>()
  readonly sessionRows = new Map<string, Session>()
  readonly log: AuditEntry[] = []

  users = async () => [...this.rows.values()]
  saveUser = async (user: User) => void this.rows.set(user.name, user)
  async removeUser(name: string) {
    this.rows.delete(name)
    for (const { id, user } of this.tokenRows.values()) if (user === name) this.tokenRows.delete(id)
    for (const { hash, user } of this.sessionRows.values()) if (user === name) this.sessionRows.delete(hash)
  }
  tokens = async () => [...this.tokenRows.values()]
  saveToken = async (token: Token) => void this.tokenRows.set(token.id, token)
  removeToken = async (id: string) => void this.tokenRows.delete(id)
  sessions = async () => [...this.sessionRows.values()]
  saveSession = async (session: Session) => void this.sessionRows.set(session.hash, session)
  removeSession = async (hash: string) => void this.sessionRows.delete(hash)
  async removeExpiredSessions(now: number) {
    const ended = [...this.sessionRows.values()].filter(({ expiresAt }) => expiresAt <= now)
    for (const { hash } of ended) this.sessionRows.delete(hash)
    return ended.length
  }
  appendAudit = async (entry: Omit<AuditEntry, 'id'>) => void this.log.push({ id: this.log.length + 1, ...entry })
  async audit({ limit, before, who, subject }: Parameters<AccessRepository['audit']>[0]) {
    return this.log
      .filter((entry) => before === undefined || entry.id < before)
      .filter((entry) => (who ?? entry.who) === entry.who && (subject ?? entry.subject) === entry.subject)
      .reverse()
      .slice(0, limit)
  }
  async pruneAudit(olderThan: number) {
    const kept = this.log.filter(({ at }) => at >= olderThan)
    return this.log.splice(0, this.log.length, ...kept).length - kept.length
  }
}
