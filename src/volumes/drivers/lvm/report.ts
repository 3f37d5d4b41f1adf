import { DecodeError } from '../../../kit/errors.ts'

/** One logical volume as `lvs --reportformat json` tells of it. */
export type LogicalVolume = Readonly<{
  name: string
  bytes: number
  tags: readonly string[]
  /** Of a thin volume, what is mapped; of a pool, what is used. `null` where LVM tells nothing. */
  dataPercent: number | null
  metadataPercent: number | null
  /** Whether somebody has its device open. */
  open: boolean
  /** Thin pool in which it is. */
  pool: string
  chunkBytes: number
}>

/** Columns that `parseVolumes` needs, for `lvs -o`. */
export const COLUMNS = 'lv_name,lv_size,lv_tags,data_percent,metadata_percent,lv_device_open,pool_lv,chunk_size'

const MOST_BYTES = 64 * 1024 * 1024
type Row = Readonly<Record<string, unknown>>

/** Rows of a report of LVM, all values as texts. Anything else is a `DecodeError`. */
export function parseReport(text: string, kind: 'lv' | 'vg' | 'pv'): Row[] {
  if (text.length > MOST_BYTES) throw new DecodeError('LVM reported too much')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new DecodeError('LVM reported something that is not JSON')
  }
  const report = isRow(value) ? value.report : undefined
  if (!Array.isArray(report)) throw new DecodeError('LVM reported something else')
  const rows: Row[] = []
  for (const part of report) {
    const found = isRow(part) ? (part[kind] ?? []) : undefined
    if (!Array.isArray(found) || !found.every(isRow)) throw new DecodeError('LVM reported something else')
    rows.push(...found)
  }
  return rows
}

/** Reads what `lvs --reportformat json --units b --nosuffix -o COLUMNS` printed. */
export function parseVolumes(text: string): LogicalVolume[] {
  return parseReport(text, 'lv').map((row) => ({
    name: word(row, 'lv_name'),
    bytes: number(row, 'lv_size') ?? 0,
    tags: word(row, 'lv_tags').split(',').filter(Boolean),
    dataPercent: number(row, 'data_percent'),
    metadataPercent: number(row, 'metadata_percent'),
    open: word(row, 'lv_device_open') === 'open',
    pool: word(row, 'pool_lv'),
    chunkBytes: number(row, 'chunk_size') ?? 0,
  }))
}

/** A text of a row; absent is empty. */
export function word(row: Row, column: string): string {
  const value = row[column] ?? ''
  if (typeof value !== 'string') throw new DecodeError(`LVM reported ${column} as ${typeof value}`)
  return value
}

/** A number of a row; `null` where there is nothing. */
export function number(row: Row, column: string): number | null {
  const text = word(row, column).trim()
  if (text === '') return null
  const value = Number(text)
  if (!/^\d+(\.\d+)?$/.test(text) || !Number.isFinite(value))
    throw new DecodeError(`LVM reported ${column} as no number`)
  return value
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
