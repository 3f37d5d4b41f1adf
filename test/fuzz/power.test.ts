import { expect, test } from 'vitest'
import { DecodeError, Refusal } from '../../src/kit/errors.ts'
import { atPointer, isPointer } from '../../src/power/drivers/http/json-pointer.ts'
import { type Place, render } from '../../src/power/drivers/http/template.ts'
import { parseFru, parseSensors } from '../../src/power/drivers/ssh/host-facts.ts'
import { parseIpmitool } from '../../src/power/drivers/ssh/ipmitool.ts'
import { decodeMagicPacket, encodeMagicPacket } from '../../src/protocols/wol/magic-packet.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const text = new TextEncoder()
const latin = new TextDecoder('latin1')

test('magic packets: what decodes encodes to the same bytes, and the rest is refused', () => {
  const mutator = new Mutator(fuzzSeed('wol'))
  const body = `ffffffffffff${'525400123456'.repeat(16)}`
  const seeds = [body, `${body}01020304`, `${body}010203040506`].map((hex) => new Uint8Array(Buffer.from(hex, 'hex')))
  let understood = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = i % 4 === 0 ? mutator.pick(seeds).slice() : mutator.mutate(mutator.pick(seeds))
    if (i % 4 === 0 && bytes.length > 102) bytes[102 + mutator.below(bytes.length - 102)] = mutator.below(256)
    try {
      const packet = decodeMagicPacket(bytes)
      expect(encodeMagicPacket(packet)).toEqual(bytes)
      understood++
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
    }
  }
  expect(understood).toBeGreaterThan(0)
})

/** Each with one value, and what it must look like afterwards: the same, but for the value. */
const TEMPLATES: readonly Readonly<{ place: Place; template: string; holds: (text: string, value: string) => void }>[] =
  [
    {
      place: 'path',
      template: '/api/devices/{id}/actions?first=1&id={id}&last=2',
      holds(path, value) {
        const url = new URL(`http://host.example:8080/base${path}`)
        expect(url.origin).toBe('http://host.example:8080')
        const segments = url.pathname.split('/')
        expect(segments).toHaveLength(6)
        expect([segments[1], segments[3], segments[5]]).toEqual(['base', 'devices', 'actions'])
        expect(decodeURIComponent(segments[4]!)).toBe(value)
        expect([...url.searchParams.keys()]).toEqual(['first', 'id', 'last'])
        expect(url.searchParams.get('id')).toBe(value)
        expect(url.hash).toBe('')
      },
    },
    {
      place: 'json',
      template: '{"a":"\\"{","id":"{id}","n":{"type":"on"}}',
      holds(body, value) {
        expect(JSON.parse(body)).toEqual({ a: '"{', id: value, n: { type: 'on' } })
      },
    },
    {
      place: 'json',
      template: '{"id":{id},"type":"on"}',
      holds(body) {
        const { id, type, ...rest } = JSON.parse(body)
        expect([typeof id === 'object' ? id : typeof id, type, rest]).toEqual([
          id === null ? null : expect.stringMatching(/^(number|boolean)$/),
          'on',
          {},
        ])
      },
    },
    {
      place: 'form',
      template: 'type={id}&last=1',
      holds(body, value) {
        expect([...new URLSearchParams(body)]).toEqual([
          ['type', value],
          ['last', '1'],
        ])
      },
    },
    {
      place: 'header',
      template: 'Bearer {id}',
      holds(header, value) {
        expect(header).toBe(`Bearer ${value}`)
        expect(header).not.toMatch(/[\r\n\0]/)
      },
    },
  ]
const VALUES = [
  'abc',
  '..',
  '.',
  '',
  '%2e%2e',
  'a/../../b',
  '?x=1#y',
  '"},{"',
  '\\',
  'ü€\u{1F600}',
  '5',
  '-0.5',
  'true',
  'null',
  '1e9',
  '\r\nX: y',
  '{id}',
  '\ud800',
]

test('templates: whatever a value is, it stays one value where it stands, or is refused', () => {
  const mutator = new Mutator(fuzzSeed('templates'))
  for (let i = 0; i < fuzzCount(); i++) {
    const bytes = text.encode(mutator.pick(VALUES))
    const decode = i % 2 === 0 ? latin : new TextDecoder()
    const value = i < 500 ? mutator.pick(VALUES) : decode.decode(mutator.mutate(bytes)).slice(0, 500)
    const { place, template, holds } = mutator.pick(TEMPLATES)
    let rendered: string
    try {
      rendered = render(template, new Map([['id', value]]), place)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (value.length > 3) expect(error.message).not.toContain(value)
      continue
    }
    holds(rendered, value)
  }
})

test('JSON pointers: nothing but own values of the document is found', () => {
  const mutator = new Mutator(fuzzSeed('pointers'))
  const document = JSON.parse('{"a":{"b":[1,{"c":"x"}]},"":{"":2},"m~n":3,"a/b":4}')
  const own = new Set<unknown>([document, document.a, document.a.b, document.a.b[1], document[''], 1, 'x', 2, 3, 4])
  const seeds = ['/a/b/1/c', '/a/b/0', '//', '/m~0n', '/a~1b', '', '/__proto__/constructor', '/a/b/length'].map(
    (each) => text.encode(each),
  )
  for (let i = 0; i < fuzzCount(); i++) {
    const pointer = latin.decode(mutator.mutate(mutator.pick(seeds)))
    const found = atPointer(document, pointer)
    if (found !== undefined) expect(own.has(found)).toBe(true)
    if (pointer.length < 100) expect(typeof isPointer(pointer)).toBe('boolean')
  }
})

test('what systems say of their hardware: bounded, finite and without control characters', () => {
  const mutator = new Mutator(fuzzSeed('host-facts'))
  const seeds = [
    'hwmon/hwmon0/name:coretemp\nhwmon/hwmon0/temp1_input:45000\nhwmon/hwmon0/temp1_label:Core 0\nhwmon/hwmon0/temp1_crit:100000\n',
    'thermal/thermal_zone0/type:acpitz\nthermal/thermal_zone0/temp:30000\n',
    'sys_vendor:ACME\nproduct_name:Roadrunner\nproduct_serial:None\n',
    ' 20 01 01 02\n 00\n',
    'Unable to send RAW command (channel=0x0 netfn=0x6 lun=0x0 cmd=0x1 rsp=0xc1): Invalid command\n',
  ].map((each) => text.encode(each))
  for (let i = 0; i < fuzzCount(); i++) {
    const said = latin.decode(mutator.mutate(mutator.pick(seeds)))
    const sensors = parseSensors(said)
    expect(sensors.length).toBeLessThanOrEqual(500)
    expect(new Set(sensors.map(({ name }) => name)).size).toBe(sensors.length)
    for (const { name, value } of sensors) {
      expect(name).not.toMatch(/\p{Cc}/u)
      expect(Number.isFinite(value)).toBe(true)
    }
    for (const value of Object.values(parseFru(said))) expect(value ?? 'x').toMatch(/^[^\p{Cc}]{1,100}$/u)
    const answer = parseIpmitool(i % 2, said, said)
    if (answer) expect(answer.data.length).toBeLessThanOrEqual(1024)
  }
})
