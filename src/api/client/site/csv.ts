import { parseIpv4 } from '../../../kit/ip.ts'
import { parseMac } from '../../../kit/mac.ts'
import type { NewMachine } from '../../contract/machines.ts'

export type CsvProblem = Readonly<{ line: number; message: string }>

/** A record of a CSV text and the line it begins on, from 1. */
type CsvRecord = Readonly<{ line: number; fields: readonly string[] }>

/** RFC 4180 §2: fields in double quotes may hold commas, line breaks and doubled quotes. Both LF and CRLF end a record. */
export function readCsv(text: string): { records: CsvRecord[]; problems: CsvProblem[] } {
  const records: CsvRecord[] = []
  const problems: CsvProblem[] = []
  let fields: string[] = []
  let field = ''
  let state: 'start' | 'plain' | 'quoted' | 'closed' = 'start'
  let line = 1
  let begins = 1
  const endField = () => {
    fields.push(field)
    field = ''
    state = 'start'
  }
  const endRecord = () => {
    endField()
    if (fields.length > 1 || fields[0] !== '') records.push({ line: begins, fields })
    fields = []
  }
  const body = text.replace(/^\ufeff/, '')
  for (let at = 0; at < body.length; at++) {
    const character = body[at]!
    if (character === '\n') line += 1
    if (state === 'quoted') {
      if (character !== '"') field += character
      else if (body[at + 1] === '"') {
        field += '"'
        at += 1
      } else state = 'closed'
    } else if (character === ',') endField()
    else if (character === '\n') {
      endRecord()
      begins = line
    } else if (character === '\r' && (body[at + 1] === '\n' || at + 1 === body.length)) continue
    else if (character === '"' && state === 'start') state = 'quoted'
    else {
      if (state === 'closed' || character === '"')
        problems.push({ line, message: 'a field with quotes must be quoted as a whole, its own quotes doubled' })
      field += character
      state = 'plain'
    }
  }
  if (state === 'quoted') problems.push({ line: begins, message: 'a quote is opened and never closed' })
  if (field !== '' || fields.length > 0 || state === 'closed') endRecord()
  return { records, problems }
}

/** Each column and what it does with a field that is not empty; a text is a problem. */
type Draft = { -readonly [Key in keyof NewMachine]?: NewMachine[Key] }
type Column = (machine: Draft, field: string) => string | undefined

const words = (field: string) => field.split(/[\s;,]+/).filter((word) => word !== '')

const COLUMNS: Readonly<Record<string, Column>> = {
  name(machine, field) {
    machine.name = field
    return /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/.test(field)
      ? undefined
      : `${JSON.stringify(field)} is not a name (1 to 63 lower-case letters, digits, dots, hyphens or underscores)`
  },
  mac(machine, field) {
    const macs = words(field).map((word) => parseMac(word) ?? word)
    machine.macs = [...(machine.macs ?? []), ...macs]
    const wrong = macs.find((mac) => parseMac(mac) === undefined)
    return wrong === undefined ? undefined : `${JSON.stringify(wrong)} is not a MAC address such as 52:54:00:12:34:56`
  },
  profile(machine, field) {
    machine.profile = field
    return undefined
  },
  ip(machine, field) {
    machine.ip = field
    return parseIpv4(field) === undefined
      ? `${JSON.stringify(field)} is not an IPv4 address such as 10.0.0.1`
      : undefined
  },
  hostname(machine, field) {
    machine.hostname = field
    return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(field)
      ? undefined
      : `${JSON.stringify(field)} is not a host name (1 to 63 lower-case letters, digits and hyphens)`
  },
  tags(machine, field) {
    machine.tags = words(field)
    return undefined
  },
  notes(machine, field) {
    machine.notes = field
    return undefined
  },
  uuid(machine, field) {
    machine.uuid = field.toLowerCase()
    return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(field)
      ? undefined
      : `${JSON.stringify(field)} is not a UUID`
  },
  serial(machine, field) {
    machine.serial = field
    return undefined
  },
}
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['macs', 'mac'],
  ['tag', 'tags'],
])

export const CSV_COLUMNS = Object.keys(COLUMNS)

/**
 * Machines of a CSV text with a header (name and mac, and any of profile, ip, hostname, tags, notes, uuid, serial). Several MACs
 * or tags in one field are separated by spaces or semicolons. All problems are found, each with its line.
 */
export function readMachines(text: string): { machines: (NewMachine & { name: string })[]; problems: CsvProblem[] } {
  const { records, problems } = readCsv(text)
  const [header, ...rows] = records
  if (!header)
    return {
      machines: [],
      problems: [{ line: 1, message: `there is no header; it names columns: ${CSV_COLUMNS.join(', ')}` }],
    }
  const columns = header.fields.map((field) => {
    const name = field.trim().toLowerCase()
    return ALIASES.get(name) ?? name
  })
  for (const [index, name] of columns.entries()) {
    if (!Object.hasOwn(COLUMNS, name))
      problems.push({
        line: header.line,
        message: `there is no column ${JSON.stringify(name)}; known: ${CSV_COLUMNS.join(', ')}`,
      })
    else if (columns.indexOf(name) < index)
      problems.push({ line: header.line, message: `the column ${name} is there twice` })
  }
  for (const needed of ['name', 'mac'])
    if (!columns.includes(needed)) problems.push({ line: header.line, message: `the column ${needed} is missing` })

  const machines: (NewMachine & { name: string })[] = []
  const seen = new Map<string, number>()
  for (const { line, fields } of rows) {
    if (fields.length !== columns.length)
      problems.push({ line, message: `${fields.length} fields where the header has ${columns.length}` })
    const draft: Draft = {}
    for (const [index, name] of columns.entries()) {
      const field = fields[index]?.trim() ?? ''
      const column = Object.hasOwn(COLUMNS, name) ? COLUMNS[name] : undefined
      const wrong = field === '' ? undefined : column?.(draft, field)
      if (wrong !== undefined) problems.push({ line, message: wrong })
    }
    const { name, macs } = draft
    if (name === undefined) problems.push({ line, message: 'the name is missing' })
    if (macs === undefined) problems.push({ line, message: 'the MAC is missing' })
    for (const key of [name, ...(macs ?? [])]) {
      if (key === undefined) continue
      const before = seen.get(key)
      if (before === undefined) seen.set(key, line)
      else problems.push({ line, message: `${key} is on line ${before} already` })
    }
    if (name !== undefined && macs !== undefined) machines.push({ ...draft, name, macs })
  }
  return { machines, problems: problems.sort((a, b) => a.line - b.line) }
}
