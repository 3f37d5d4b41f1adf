/**
 * Texts for PostgreSQL, which keeps every character but NUL (its manual, 8.3). That one is written as two characters of the private use area, and
 * so is the first of them, so that every text comes back as it was and different texts stay different.
 */
const MARK = '\u{e000}'
const NUL = '\u{e001}'
const SPECIAL = new RegExp(`[\\0${MARK}]`, 'g')
const WRITTEN = new RegExp(`${MARK}([${MARK}${NUL}])`, 'g')

export function toPostgres(text: string): string {
  return text.replace(SPECIAL, (character) => (character === MARK ? MARK + MARK : MARK + NUL))
}

export function fromPostgres(text: string): string {
  return text.includes(MARK) ? text.replace(WRITTEN, (_, second) => (second === NUL ? '\0' : MARK)) : text
}
