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

/** One JSON log line as a line for people: `12:34:56.789 info  sentence  key=value ...`, in local time. */
export function readableLine(json: string, colour: boolean): string {
  let line: Line
  try {
    line = JSON.parse(json) as Line
  } catch {
    return `${printable(json.trimEnd())}\n`
  }
  const paint = (code: string | undefined, text: string) => (colour && code ? `\u001b[${code}m${text}\u001b[0m` : text)
  const level = String(line.level)
  const at = new Date(String(line.time))
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  const fields = Object.entries(line)
    .filter(
      ([key, value]) =>
        (!SHOWN_APART.has(key) || (key === 'error' && typeof value !== 'object')) && value !== undefined,
    )
    .map(([key, value]) => `${key}=${field(value)}`)
  const head = `${paint('90', `${time}.${String(at.getMilliseconds()).padStart(3, '0')}`)} ${paint(COLOURS[level], level.padEnd(5))} ${printable(String(line.msg ?? ''))}`
  return `${[head, ...(fields.length > 0 ? [paint('90', printable(fields.join(' ')))] : [])].join('  ')}\n${stackOf(line.err ?? line.error)}`
}

/** Turns JSON log lines into readable ones on their way to a terminal. */
export class ReadableLines {
  readonly #out: { write(text: string): void }
  readonly #colour: boolean

  constructor(out: { write(text: string): void }, colour: boolean) {
    this.#out = out
    this.#colour = colour
  }

  write(json: string): void {
    this.#out.write(readableLine(json, this.#colour))
  }
}
