import { timingSafeEqual } from 'node:crypto'
import type { Hello } from '../../api/contract/agent.ts'
import type { AgentBoot } from './desk.ts'

/** A question of the agent, by its path. */
export type Question =
  | Readonly<{ what: 'hello' | 'inventory' | 'next' | 'log' | 'missing' }>
  | Readonly<{ what: 'progress' | 'result'; task: string }>
  | Readonly<{ what: 'chunk' | 'put-chunk' | 'list' | 'put-list'; sha256: string }>

const SHA256 = /^[0-9a-f]{64}$/
const TASK = /^[A-Za-z0-9._-]{1,64}$/
const POSTS: ReadonlyMap<string, 'hello' | 'inventory' | 'next' | 'log'> = new Map(
  (['hello', 'inventory', 'next', 'log'] as const).map((what) => [what, what]),
)

/** Reads what is behind `/agent/v1/`. A path that exists but not for this method tells the methods it has. */
export function readQuestion(method: string, rest: string): Question | Readonly<{ allow: string }> | undefined {
  const posted = POSTS.get(rest)
  if (posted) return method === 'POST' ? { what: posted } : { allow: 'POST' }
  if (rest === 'chunks/missing') return method === 'POST' ? { what: 'missing' } : { allow: 'POST' }
  const [folder, name = '', last, ...more] = rest.split('/')
  if (more.length > 0) return undefined
  if (folder === 'tasks' && TASK.test(name) && (last === 'progress' || last === 'result'))
    return method === 'POST' ? { what: last, task: name } : { allow: 'POST' }
  if (last !== undefined || !SHA256.test(name) || (folder !== 'chunks' && folder !== 'chunk-lists')) return undefined
  if (method === 'GET') return { what: folder === 'chunks' ? 'chunk' : 'list', sha256: name }
  if (method === 'PUT') return { what: folder === 'chunks' ? 'put-chunk' : 'put-list', sha256: name }
  return { allow: 'GET, PUT' }
}

/** Whether a hello may be answered: a boot has one nonce, so whoever comes with another is not the agent that came first. */
export function judgeHello(hello: Pick<Hello, 'nonce'>, boot: AgentBoot | undefined): 'ok' | 'over' | 'replayed' {
  if (!boot) return 'over'
  return boot.nonce === null || boot.nonce === hello.nonce ? 'ok' : 'replayed'
}

/** Id of the boot and the whole session in an Authorization header; `undefined` for what cannot be one. */
export function readBearer(header: string | undefined): Readonly<{ boot: string; session: string }> | undefined {
  if (header === undefined || header.length > 200 || !header.startsWith('Bearer ')) return undefined
  const session = header.slice(7)
  const at = session.lastIndexOf('.')
  return at > 0 ? { boot: session.slice(0, at), session } : undefined
}

/** In a time that does not depend on where they differ. */
export function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given, 'latin1'), Buffer.from(expected, 'latin1')]
  return a.length === b.length && timingSafeEqual(a, b)
}
