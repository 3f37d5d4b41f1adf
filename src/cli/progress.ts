import { Presets, SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'
import { bytes } from './units.ts'

export interface ProgressBar {
  /** How many bytes are done so far. */
  at(done: number): void
  end(): void
}

/** Tells how far a transfer is: bars on a terminal, nothing but notes elsewhere. */
export interface Progress {
  begin(what: string, total: number): ProgressBar
  note(text: string): void
}

const QUIET: ProgressBar = { at() {}, end() {} }

/** Bars are drawn on standard error, so that standard output stays for results. */
export function terminalProgress(terminal: Terminal): Progress {
  return {
    begin(what, total) {
      if (!terminal.progress || total === 0) return QUIET
      const bar = new SingleBar(
        {
          format: `${what.padEnd(28)} {bar} {percentage}%  {value}/{total}  {eta_formatted}`,
          formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? bytes(value) : String(value)),
          hideCursor: true,
          barsize: 24,
          fps: 8,
          stream: process.stderr,
        },
        Presets.shades_classic,
      )
      bar.start(total, 0)
      return {
        at: (done) => bar.update(done),
        end() {
          bar.update(total)
          bar.stop()
        },
      }
    },
    note: (text) => terminal.err(`${text}\n`),
  }
}

/** For `--json`: programs do not watch. */
export const NO_PROGRESS: Progress = { begin: () => QUIET, note() {} }
