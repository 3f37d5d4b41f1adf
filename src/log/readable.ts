import { printable } from '../kit/printable.ts'

type Line = Record<string, unknown>

const COLOURS: Readonly<Record<string, string>> = { debug: '90', info: '36', warn: '33', error: '31' }
const SHOWN_APART = new Set(['level', 'time', 'msg', 'err', 'error'])

function field(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text === '' || /[\s="\u0000-\u001f\u007f-\u009f]/.test(text) ? JSON.stringify(text) : text
}

function stackOf(err: unknown): string {
  if (typeof err !== 'object' || err === null || !('stack' in err) || typeof err.stack !== 'string') return ''
  return err.stack
    .split('\n')
    .map((line) => `    ${printable(line.trim())}\n`)
    .join('')
}

function parsed(json: string): Line | undefined {
  try {
    return JSON.parse(json) as Line
  } catch {
    return undefined
  }
}

function fieldsOf(line: Line): string {
  const shown = Object.entries(line).filter(
    ([key, value]) => (!SHOWN_APART.has(key) || (key === 'error' && typeof value !== 'object')) && value !== undefined,
  )
  return printable(shown.map(([key, value]) => `${key}=${field(value)}`).join(' '))
}

/** One JSON log line as a line for people: `12:34:56.789 info  sentence  key=value ...`, in local time. */
export function readableLine(json: string, colour: boolean): string {
  const line = parsed(json)
  if (!line) return `${printable(json.trimEnd())}\n`
  const paint = (code: string | undefined, text: string) => (colour && code ? `\u001b[${code}m${text}\u001b[0m` : text)
  const level = String(line.level)
  const at = new Date(String(line.time))
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  const fields = fieldsOf(line)
  const head = `${paint('90', `${time}.${String(at.getMilliseconds()).padStart(3, '0')}`)} ${paint(COLOURS[level], level.padEnd(5))} ${printable(String(line.msg ?? ''))}`
  return `${[head, ...(fields ? [paint('90', fields)] : [])].join('  ')}\n${stackOf(line.err ?? line.error)}`
}

/** syslog(3) */
const PRIORITIES: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 }

/**
 * One JSON log line for the journal of systemd, which adds the time itself and takes the level from the front (sd-daemon(3)):
 * `<6>sentence  key=value ...`, and so for each line of a stack.
 */
export function journalLine(json: string): string {
  const line = parsed(json)
  if (!line) return `${printable(json.trimEnd())}\n`
  const fields = fieldsOf(line)
  const text = `${printable(String(line.msg ?? ''))}${fields ? `  ${fields}` : ''}\n${stackOf(line.err ?? line.error)}`
  const priority = `<${PRIORITIES[String(line.level)] ?? 6}>`
  return text.replace(/^(?=.)/gm, priority)
}

/** Turns JSON log lines into others on their way out. */
export class TurnedLines {
  readonly #out: { write(text: string): void }
  readonly #turn: (json: string) => string

  constructor(out: { write(text: string): void }, turn: (json: string) => string) {
    this.#out = out
    this.#turn = turn
  }

  write(json: string): void {
    this.#out.write(this.#turn(json))
  }
}
