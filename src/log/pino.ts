import { type DestinationStream, pino } from 'pino'
import type { Log, LogFields } from '../kit/log.ts'
import { Secret } from '../kit/secret.ts'
import { journalLine, readableLine, TurnedLines } from './readable.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Fields that hold secrets whatever their type, at the top and up to two levels down. */
const SECRET_FIELDS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'secret',
  'passwordHash',
  'REVEILLE_TOKEN',
]
const REDACTED = SECRET_FIELDS.flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`])

/** Replaces `Secret`s wherever they are, and errors by what a log needs of them. Cycles and depths beyond 6 are cut. */
function safe(value: unknown, depth = 0): unknown {
  if (value instanceof Secret) return value.toString()
  if (value instanceof Error)
    return { type: value.name, message: value.message, stack: value.stack, cause: safe(value.cause, depth + 1) }
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value
  if (depth > 6) return '[deep]'
  if (Array.isArray(value)) return value.map((item) => safe(item, depth + 1))
  if (value instanceof Date || ArrayBuffer.isView(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, safe(item, depth + 1)]))
}

type Sink = { level: (fields: LogFields, message: string) => void }['level']
type Levels = Record<LogLevel, Sink> & { child(fields: LogFields): Levels; isLevelEnabled(level: string): boolean }

class PinoLog implements Log {
  readonly #pino: Levels

  constructor(levels: Levels) {
    this.#pino = levels
  }

  #write(level: LogLevel, fields: LogFields, message: string): void {
    if (this.#pino.isLevelEnabled(level)) this.#pino[level](safe(fields) as LogFields, message)
  }

  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message)
  }

  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message)
  }

  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message)
  }

  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message)
  }

  child(fields: LogFields): Log {
    return new PinoLog(this.#pino.child(safe(fields) as LogFields))
  }
}

/** For whom lines are written: for programs (JSON), for people at a terminal, or for the journal of systemd. */
export type LogLook = 'json' | 'terminal' | 'colour' | 'journal'

const TURNS: Readonly<Record<LogLook, ((json: string) => string) | undefined>> = {
  json: undefined,
  terminal: (json) => readableLine(json, false),
  colour: (json) => readableLine(json, true),
  journal: journalLine,
}

/**
 * The log of the server. Secrets are left out by type
 * (`kit/secret.ts`) and by field name. Writing is synchronous: what was logged before a crash is there.
 */
export function openLog(
  options: { level: LogLevel; look?: LogLook },
  destination: DestinationStream = pino.destination({ dest: 1, sync: true }),
): Log {
  const turn = TURNS[options.look ?? 'json']
  const out = turn ? new TurnedLines(destination, turn) : destination
  return new PinoLog(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        // `safe` has made plain data of errors already.
        serializers: { err: (error: unknown) => error },
        redact: { paths: REDACTED, censor: '[secret]' },
      },
      out,
    ),
  )
}
