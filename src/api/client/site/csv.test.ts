import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readCsv, readMachines } from './csv.ts'

describe('readCsv', () => {
  test('reads back whatever is written by RFC 4180', () => {
    const field = fc.string().map((text) => text.replaceAll('\r', ''))
    const record = fc.array(field, { minLength: 2, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(record), fc.constantFrom('\n', '\r\n'), fc.boolean(), (rows, end, last) => {
        const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`
        const text = rows.map((row) => row.map(quoted).join(',')).join(end) + (last ? end : '')
        const { records, problems } = readCsv(text)
        expect(problems).toEqual([])
        expect(records.map(({ fields }) => fields)).toEqual(rows)
      }),
    )
  })

  test('knows the line of each record, also after quoted line breaks and empty lines', () => {
    const { records } = readCsv('a,b\n\n"x\ny",2\nlast,3')
    expect(records).toEqual([
      { line: 1, fields: ['a', 'b'] },
      { line: 3, fields: ['x\ny', '2'] },
      { line: 5, fields: ['last', '3'] },
    ])
  })

  test('names quotes that are wrong', () => {
    expect(readCsv('a,b"c\n').problems).toEqual([expect.objectContaining({ line: 1 })])
    expect(readCsv('a,"b"c\n').problems).toEqual([expect.objectContaining({ line: 1 })])
    expect(readCsv('x\n"never closed').problems).toEqual([{ line: 2, message: 'a quote is opened and never closed' }])
  })
})

describe('readMachines', () => {
  test('reads every column, a byte order mark, and several MACs', () => {
    const text = `\ufeffName,MACs,Profile,IP,hostname,tags,notes,uuid,serial
web1,52-54-00-12-34-56;5254.0012.3457,debian,10.0.0.5,web,"rack=a3, blue","top, ""left""",0A0B0C0D-0000-0000-0000-000000000001,S1
web2,525400123458,,,,,,,
`
    const { machines, problems } = readMachines(text)
    expect(problems).toEqual([])
    expect(machines).toEqual([
      {
        name: 'web1',
        macs: ['52:54:00:12:34:56', '52:54:00:12:34:57'],
        profile: 'debian',
        ip: '10.0.0.5',
        hostname: 'web',
        tags: ['rack=a3', 'blue'],
        notes: 'top, "left"',
        uuid: '0a0b0c0d-0000-0000-0000-000000000001',
        serial: 'S1',
      },
      { name: 'web2', macs: ['52:54:00:12:34:58'] },
    ])
  })

  test('finds every problem with its line', () => {
    const text = `name,mac,ip,colour
Web 1,52:54:00:12:34:56,10.0.0.5,red
web2,not-a-mac,10.0.0.300,
,52:54:00:12:34:58,,
web4,52:54:00:12:34:56,,
web4,52:54:00:12:34:59
`
    const { problems } = readMachines(text)
    expect(problems.map(({ line, message }) => `${line}: ${message}`)).toEqual([
      expect.stringMatching(/^1: there is no column "colour"/),
      expect.stringMatching(/^2: "Web 1" is not a name/),
      expect.stringMatching(/^3: "not-a-mac" is not a MAC/),
      expect.stringMatching(/^3: "10\.0\.0\.300" is not an IPv4/),
      '4: the name is missing',
      '5: 52:54:00:12:34:56 is on line 2 already',
      '6: 2 fields where the header has 4',
      '6: web4 is on line 5 already',
    ])
  })

  test.each([
    ['', /no header/],
    ['name\nx\n', /column mac is missing/],
    ['name,mac,name\n', /name is there twice/],
  ])('%j', (text, message) => {
    expect(readMachines(text).problems.map((problem) => problem.message)).toContainEqual(expect.stringMatching(message))
  })

  test('columns named like things of every object are unknown too', () => {
    expect(readMachines('name,mac,constructor\n').problems[0]?.message).toMatch(/no column "constructor"/)
  })
})
