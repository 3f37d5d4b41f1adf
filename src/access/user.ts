/** From least to most: each role may do what the ones before it may. */
export const ROLES = ['viewer', 'user', 'operator', 'admin'] as const
export type Role = (typeof ROLES)[number]

export type User = Readonly<{
  name: string
  role: Role
  passwordHash: string
  disabled: boolean
  createdAt: number
  updatedAt: number
}>

/** A secret for programs. Only a SHA-256 of it is kept; `hint` is its first characters, to tell tokens apart. */
export type Token = Readonly<{
  id: string
  name: string
  user: string
  hash: string
  hint: string
  scopes: readonly string[]
  createdAt: number
  expiresAt: number | null
  lastUsedAt: number | null
}>

export type Session = Readonly<{ hash: string; user: string; createdAt: number; expiresAt: number; address: string }>

/** Who asks: a person by session, a program by token, or the server's own control socket. */
export type Principal = Readonly<{
  name: string
  role: Role
  scopes: readonly string[]
  via: 'session' | 'token' | 'socket'
}>

/** One change: who did what to which thing, from where, and how it ended. Holds no secrets. */
export type AuditEntry = Readonly<{
  id: number
  at: number
  who: string
  via: string
  address: string
  action: string
  subject: string
  outcome: 'ok' | 'refused'
  detail: string
}>
