import { Presets, SingleBar } from 'cli-progress'
import type { Terminal } from './terminal.ts'
import { bytes, duration } from './units.ts'

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
const NAME_WIDTH = 28

/** Bytes a second so far, and how long the rest takes at that; empty in the first moments, when both would jump. */
export function pace(done: number, total: number, milliseconds: number): string {
  if (milliseconds < 500 || done === 0) return ''
  const perSecond = (done / milliseconds) * 1000
  return `${bytes(perSecond)}/s  ${duration(((total - done) / perSecond) * 1000)} left`
}

/** Bars are drawn on standard error, so that standard output stays for results. */
export function terminalProgress(terminal: Terminal): Progress {
  let drawn: SingleBar | undefined
  return {
    begin(what, total) {
      if (!terminal.progress || total === 0) return QUIET
      const began = performance.now()
      const name = what.length > NAME_WIDTH ? `${what.slice(0, NAME_WIDTH - 1)}…` : what.padEnd(NAME_WIDTH)
      const bar = new SingleBar(
        {
          format: `${name.replaceAll(/[{}]/g, '_')} {bar} {percentage}%  {value}/{total}  {pace}`,
          formatValue: (value, _options, type) => (type === 'value' || type === 'total' ? bytes(value) : String(value)),
          hideCursor: true,
          barsize: 24,
          fps: 8,
          stream: process.stderr,
        },
        Presets.shades_classic,
      )
      bar.start(total, 0, { pace: '' })
      drawn = bar
      let last = 0
      return {
        at(done) {
          last = done
          bar.update(done, { pace: pace(done, total, performance.now() - began) })
        },
        end() {
          bar.update(last, { pace: '' })
          bar.stop()
          drawn = undefined
        },
      }
    },
    note(text) {
      // A line of its own, not one across the bar.
      if (drawn) terminal.err('\n')
      terminal.err(`${text}\n`)
    },
  }
}

/** For `--json`: programs do not watch. */
export const NO_PROGRESS: Progress = { begin: () => QUIET, note() {} }
