/** Numbers and times as words for people. Pure, so that tests can hold them to it. */

const UNITS: readonly [string, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
]

/** How long ago a time was: `just now`, `40 seconds ago`, `3 hours ago`; `in 2 minutes` for times to come. */
export function ago(at: string | number, now: number): string {
  const seconds = Math.round((now - new Date(at).getTime()) / 1000)
  const size = Math.abs(seconds)
  if (size < 5) return 'just now'
  const [unit, length] = UNITS.find(([, length]) => size >= length) ?? ['second', 1]
  const count = Math.floor(size / length)
  const words = `${count} ${unit}${count === 1 ? '' : 's'}`
  return seconds > 0 ? `${words} ago` : `in ${words}`
}

/** A span of time: `0.42 s`, `12.3 s`, `2 min 05 s`, `1 h 04 min`. */
export function span(ms: number): string {
  const sign = ms < 0 ? '−' : ''
  const seconds = Math.abs(ms) / 1000
  if (seconds < 9.995) return `${sign}${seconds.toFixed(2)} s`
  if (seconds < 59.95) return `${sign}${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const two = (n: number) => String(n).padStart(2, '0')
  if (whole < 3600) return `${sign}${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  return `${sign}${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`
}

/** Bytes with a binary unit: `512 B`, `1.5 KiB`, `27.3 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const step = count < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(count) / 10))
  const scaled = count / 1024 ** step
  return `${step === 0 ? count : scaled >= 100 ? scaled.toFixed(0) : scaled.toFixed(1)} ${units[step]}`
}

/** What is left of something under way, coarsely, because it is a guess: `12 s left`, `4 min left`, `1 h 20 min left`. */
export function left(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s left`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min left`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min left`
}

/** `1 machine`, `2 machines`, `3,000 machines`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? one : many}`
}

/** A local date and time with seconds, e.g. `2026-11-21 14:03:09`. */
export function clock(at: string | number): string {
  const d = new Date(at)
  const two = (n: number) => String(n).padStart(2, '0')
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
}

/** How far the clock of this browser is from UTC at a time: `UTC`, `UTC+1`, `UTC+5:30`, `UTC−8`. */
export function zone(at: string | number): string {
  const minutes = -new Date(at).getTimezoneOffset()
  if (minutes === 0) return 'UTC'
  const size = Math.abs(minutes)
  const rest = size % 60 === 0 ? '' : `:${String(size % 60).padStart(2, '0')}`
  return `UTC${minutes > 0 ? '+' : '−'}${Math.floor(size / 60)}${rest}`
}
