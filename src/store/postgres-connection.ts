import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { Refusal } from '../kit/errors.ts'
import type { Secret } from '../kit/secret.ts'
import { postgresRefusal } from './postgres-refusal.ts'
import { fromPostgres, toPostgres } from './postgres-text.ts'

/** The advisory lock of who writes: the word Reveille in two numbers. It lasts as long as the connection. */
const LOCK = [0x52657665, 0x696c6c65] as const
const LOCK_TRIES = 12
const LOCK_PAUSE_MS = 250
const CONNECT_MS = 10_000
/** Longer than anything that is asked; then the server, or the way to it, is gone. */
const QUERY_MS = 120_000
/** What everything here was tried with, and what has all that the migrations use. */
const OLDEST = 130_000

/** How PostgreSQL's types are read: numbers are below 2^53, texts as `toPostgres` wrote them. */
const { builtins } = pg.types
const types = {
  getTypeParser(oid: number, format?: 'text' | 'binary') {
    if (format === 'binary') return pg.types.getTypeParser(oid, format)
    if (oid === builtins.INT8 || oid === builtins.NUMERIC) return Number
    if (oid === builtins.TEXT || oid === builtins.VARCHAR) return fromPostgres
    return pg.types.getTypeParser(oid, 'text')
  },
}

/** Host, port and database of a URL, without user and password: what may be shown. */
function placeOf(url: Secret): string {
  const { host, port, database } = clientOf(url)
  return `${host}${host.startsWith('/') ? '' : `:${port}`}/${database ?? ''}`
}

function clientOf(url: Secret): pg.Client {
  try {
    return new pg.Client({ connectionString: url.reveal() })
  } catch {
    // What it says of the URL may hold the password.
    throw new Refusal('validation-failed', '"database" cannot be read as a URL, or a file that it names cannot', {
      next: 'write postgresql://USER:PASSWORD@HOST/NAME, or postgresql:///NAME?host=/run/postgresql; special characters as %40',
    })
  }
}

export type PostgresUse = Readonly<{
  url: Secret
  /** Whoever writes holds a lock that only one process can have; who only reads does not. */
  writes: boolean
  /** Another process has the lock that this one had before its connection broke: it must stop. */
  taken?: ((refusal: Refusal) => void) | undefined
}>

/**
 * One connection that takes its users one after another, as a SQLite file does, and that is made anew when it broke. What was under way then is
 * refused (`not-available`): whether its commit came through cannot be known.
 */
export class PostgresConnection implements PostgresPool {
  readonly options = {}
  readonly place: string
  readonly #use: PostgresUse
  #client: pg.Client | undefined
  #turn: Promise<void> = Promise.resolve()
  #wasHeld = false
  #isOpen = true

  constructor(use: PostgresUse) {
    this.#use = use
    this.place = placeOf(use.url)
  }

  async connect(): Promise<PostgresPoolClient> {
    const before = this.#turn
    let resolve!: () => void
    this.#turn = new Promise((done) => {
      resolve = done
    })
    await before
    try {
      this.#client ??= await this.#session()
      const client = this.#client
      const query = (sql: string, parameters: readonly unknown[] = []) => this.#ask(client, sql, parameters)
      return {
        query: query as unknown as PostgresPoolClient['query'],
        release: (destroy) => {
          if (destroy) this.#forget(client)
          resolve()
        },
      }
    } catch (error) {
      resolve()
      throw postgresRefusal(error, this.place)
    }
  }

  async end(): Promise<void> {
    this.#isOpen = false
    await this.#turn
    await this.#client?.end()
  }

  async #ask(client: pg.Client, sql: string, parameters: readonly unknown[]): Promise<pg.QueryResult> {
    try {
      return await client.query(
        sql,
        parameters.map((each) => (typeof each === 'string' ? toPostgres(each) : each)),
      )
    } catch (error) {
      // Its answer may still come, and must not be taken for that of the next question.
      if (/timeout/i.test((error as Error).message)) this.#forget(client)
      throw postgresRefusal(error, this.place)
    }
  }

  async #session(): Promise<pg.Client> {
    if (!this.#isOpen) throw new Refusal('not-available', 'the database is closed: the server is stopping')
    const client = new pg.Client({
      connectionString: this.#use.url.reveal(),
      application_name: 'reveille',
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: QUERY_MS,
      keepAlive: true,
      types,
    })
    // Whoever asks next is told; without a listener the process would end.
    client.on('error', () => this.#forget(client))
    client.once('end', () => this.#forget(client))
    try {
      await client.connect()
      await this.#prepare(client)
      if (this.#use.writes) await this.#hold(client)
      return client
    } catch (error) {
      await client.end().catch(() => undefined)
      throw error
    }
  }

  async #prepare(client: pg.Client): Promise<void> {
    const { rows } = await client.query(
      `select current_setting('server_version_num')::integer as number, current_setting('server_version') as version,
              current_setting('server_encoding') as encoding, current_setting('synchronous_commit') as commits`,
    )
    const { number, version, encoding, commits } = rows[0]
    if (number < OLDEST)
      throw new Refusal('not-available', `the database ${this.place} is PostgreSQL ${version}`, {
        next: 'use PostgreSQL 13 or later',
      })
    if (encoding !== 'UTF8')
      throw new Refusal('not-available', `the database ${this.place} keeps its texts as ${encoding}`, {
        next: 'make one with: createdb --encoding UTF8 --template template0 NAME',
      })
    // What is acknowledged must survive a power cut, whatever the server's default; stricter ones stay.
    if (commits === 'off') await client.query('set synchronous_commit = on')
    // A computer that lost its power does not say so; the server must give its lock free soon.
    await client.query(
      'set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3; set timezone = UTC',
    )
  }

  async #hold(client: pg.Client): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { rows } = await client.query('select pg_try_advisory_lock($1, $2) as held', [...LOCK])
      if (rows[0].held) break
      // The server may not have noticed yet that the last one is gone.
      if (tries < LOCK_TRIES) {
        await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS))
        continue
      }
      const refusal = new Refusal(
        'in-use',
        `the database ${this.place} is in use by another Reveille${await holder(client)}`,
        {
          next: 'stop that one first, or name another database',
        },
      )
      if (this.#wasHeld) this.#use.taken?.(refusal)
      throw refusal
    }
    this.#wasHeld = true
  }

  #forget(client: pg.Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
  }
}

async function holder(client: pg.Client): Promise<string> {
  const { rows } = await client.query(
    `select coalesce(host(client_addr), 'a socket of its own computer') as address from pg_stat_activity
     where pid = (select pid from pg_locks where locktype = 'advisory' and classid = $1 and objid = $2 and granted
                  and database = (select oid from pg_database where datname = current_database()) limit 1)`,
    [...LOCK],
  )
  return rows[0] ? ` (from ${rows[0].address})` : ''
}
