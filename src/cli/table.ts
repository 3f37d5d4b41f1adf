import { printable } from '../kit/printable.ts'

const LEAST = 8
const GAP = '  '

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`
}

/** Whether columns can be shortened far enough for a line of that length. */
function fits(widths: readonly number[], columns: number): boolean {
  return widths.reduce((sum, width) => sum + Math.min(width, LEAST), 0) + GAP.length * (widths.length - 1) <= columns
}

/** Takes from the widest columns until the line fits. */
function shrink(widths: readonly number[], columns: number): number[] {
  const fitted = [...widths]
  const room = columns - GAP.length * (widths.length - 1)
  while (fitted.reduce((sum, width) => sum + width, 0) > room) {
    const widest = fitted.indexOf(Math.max(...fitted))
    if (fitted[widest]! <= LEAST) return fitted
    fitted[widest]! -= 1
  }
  return fitted
}

export type Cell = string | number | null | undefined

/**
 * Lines with aligned columns, the headings in capitals. With `columns` the widest cells are shortened to fit a terminal, and
 * where even that is too wide each row becomes a paragraph; without, nothing is lost.
 */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[], columns?: number): string {
  const texts = rows.map((row) =>
    row.map((cell) => printable(cell === null || cell === undefined || cell === '' ? '-' : String(cell))),
  )
  const natural = headings.map((heading, i) => Math.max(heading.length, ...texts.map((row) => row[i]?.length ?? 0)))
  if (columns !== undefined && !fits(natural, columns))
    return texts
      .map(
        ([name = '-', ...cells]) => `${name}\n${facts(cells.map((cell, i) => [`  ${headings[i + 1]}`, said(cell)]))}`,
      )
      .join('')
  const widths = columns === undefined ? natural : shrink(natural, columns)
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cut(cell, widths[i]!).padEnd(widths[i]!))
      .join(GAP)
      .trimEnd()
  return [line(headings.map((heading) => heading.toUpperCase())), ...texts.map(line)]
    .map((text) => `${text}\n`)
    .join('')
}

const said = (cell: string) => (cell === '-' ? null : cell)

/** `NAME  value` lines of one thing; what is empty is left out. */
export function facts(pairs: readonly (readonly [string, Cell])[]): string {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...known.map(([name]) => name.length))
  return known.map(([name, value]) => `${name.padEnd(width)}  ${printable(String(value))}\n`).join('')
}
