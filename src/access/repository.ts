import type { AuditEntry, Session, Token, User } from './user.ts'

/** Keeps who may do what, and what was done. A resolved promise means: it is durable. */
export interface AccessRepository {
  users(): Promise<User[]>
  saveUser(user: User): Promise<void>
  /** Removes the user with all tokens and sessions. */
  removeUser(name: string): Promise<void>
  tokens(): Promise<Token[]>
  saveToken(token: Token): Promise<void>
  removeToken(id: string): Promise<void>
  sessions(): Promise<Session[]>
  saveSession(session: Session): Promise<void>
  removeSession(hash: string): Promise<void>
  removeExpiredSessions(now: number): Promise<number>
  appendAudit(entry: Omit<AuditEntry, 'id'>): Promise<void>
  /** Newest first; `before` is an id to continue behind. */
  audit(query: {
    limit: number
    before?: number | undefined
    who?: string | undefined
    subject?: string | undefined
  }): Promise<AuditEntry[]>
  pruneAudit(olderThan: number): Promise<number>
}
