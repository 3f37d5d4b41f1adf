import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readYaml } from '../../src/configs/drivers/yaml.ts'
import { transpileButane } from '../../src/protocols/ignition/butane.ts'
import type { DocumentEntry, DocumentNode, Place } from '../../src/protocols/ignition/document.ts'
import { ROOT } from '../../src/protocols/ignition/fields.ts'
import type { FieldType, Shape } from '../../src/protocols/ignition/schema.ts'
import { validateIgnition } from '../../src/protocols/ignition/validate.ts'
import { BAD, ODD } from '../fakes/butane-bad.ts'
import { butaneText } from '../fakes/butane-document.ts'
import { GOOD, localFiles } from '../fakes/ignition-documents.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const at: Place = { line: 1, column: 1 }
const scalar = (value: string | number | boolean | null): DocumentNode => ({
  kind: 'scalar',
  at,
  value,
  text: String(value ?? ''),
  quoted: false,
})

const WORDS = [
  ...[
    '/a',
    '/a/b',
    '/',
    '',
    'x',
    'core',
    'a.service',
    'x.conf',
    'ext4',
    'swap',
    'none',
    'raid1',
    'root',
    '/dev/sda',
    '/boot',
  ],
  ...[
    'http://h/x',
    'data:,x',
    's3://b/x',
    'sha512-0',
    'hello.txt',
    'tree',
    'nope',
    '[Unit]\nA=b\n',
    '[Install',
    '__proto__',
  ],
  ...[
    'fcos',
    'flatcar',
    '1.0.0',
    '1.1.0',
    '1.6.0',
    '3.3.0',
    'x86_64',
    's390x-eckd',
    '/dev/dasda',
    'tpm2',
    'gzip',
    '{}',
    '\ud800',
  ],
]
const anyScalar = fc.oneof(
  fc.constantFrom(...WORDS).map(scalar),
  fc.string({ maxLength: 20 }).map(scalar),
  fc.constantFrom(0, 1, 2, 3, 420, 644, -1, 1.5, 1e300, true, false, null).map(scalar),
)

/** What a table describes, mostly; so that checks are reached that lie deep. */
function fitting(type: FieldType, depth: number): fc.Arbitrary<DocumentNode> {
  const fits =
    type === 'text' || type === 'number' || type === 'flag'
      ? anyScalar
      : type === 'texts'
        ? listOf(anyScalar)
        : 'each' in type
          ? listOf(mapOf(type.each, depth + 1))
          : mapOf(type, depth + 1)
  return fc.oneof({ weight: 12, arbitrary: fits }, { weight: 1, arbitrary: anyScalar })
}

const listOf = (item: fc.Arbitrary<DocumentNode>) =>
  fc.array(item, { maxLength: 3 }).map((items): DocumentNode => ({ kind: 'list', at, items }))

const known = new Map<Shape, fc.Arbitrary<DocumentNode>>()
function mapOf(shape: Shape, depth: number): fc.Arbitrary<DocumentNode> {
  const made = known.get(shape)
  if (made) return made
  const entries = shape.fields.map((field) => {
    const named = fc.constantFrom(field.name, field.name, field.name, field.json)
    return fc.tuple(named, fitting(field.type, depth)).map(([key, value]): DocumentEntry => ({ key, keyAt: at, value }))
  })
  const arbitrary = fc
    .tuple(
      fc.array(fc.oneof(...entries), { maxLength: 5 }),
      fc.array(fc.tuple(fc.string({ maxLength: 6 }), anyScalar), { maxLength: depth === 0 ? 1 : 0 }),
    )
    .map(([fields, others]): DocumentNode => {
      const extra = others.map(([key, value]): DocumentEntry => ({ key, keyAt: at, value }))
      return { kind: 'map', at, entries: [...fields, ...extra] }
    })
  known.set(shape, arbitrary)
  return arbitrary
}

const EDITIONS = [
  ['flatcar', '1.0.0'],
  ['flatcar', '1.1.0'],
  ...[0, 1, 2, 3, 4, 5, 6].map((minor) => ['fcos', `1.${minor}.0`] as const),
] as const
const seed = () => Number.parseInt(String(fuzzSeed('ignition')).replace(/\D/g, '').slice(0, 9) || '1', 10)

function headed(document: DocumentNode, [variant, version]: readonly [string, string]): DocumentNode {
  if (document.kind !== 'map') return document
  const head = Object.entries({ variant, version }).map(([key, value]) => ({ key, keyAt: at, value: scalar(value) }))
  return { ...document, entries: [...head, ...document.entries] }
}

function judge(document: DocumentNode): boolean {
  const { ignition, problems } = transpileButane(document, localFiles)
  const failed = problems.some(({ severity }) => severity === 'error')
  expect(ignition === null).toBe(failed)
  for (const { path, message } of problems) {
    expect(path).toMatch(/^\$/)
    expect(message).not.toMatch(/undefined|\[object/)
  }
  if (failed) return false
  const again = readYaml(JSON.stringify(ignition))
  expect(again.problems).toEqual([])
  expect(validateIgnition(again.document!).filter(({ severity }) => severity === 'error')).toEqual([])
  return true
}

test('Butane: any tree ends in Ignition or in problems; what is made is taken by the check of Ignition', () => {
  let made = 0
  fc.assert(
    fc.property(mapOf(ROOT, 0), fc.constantFrom(...EDITIONS), (document, edition) => {
      if (judge(headed(document, edition))) made++
    }),
    { numRuns: Math.max(300, Math.floor(fuzzCount() / 5)), seed: seed() },
  )
  expect(made).toBeGreaterThan(20)
})

test('Container Linux Config and Ignition: any tree ends', () => {
  fc.assert(
    fc.property(mapOf(ROOT, 0), fc.constantFrom('2.3.0', '3.0.0', '3.3.0', '3.5.0'), (document, version) => {
      judge(document)
      const header: DocumentNode = { kind: 'map', at, entries: [{ key: 'version', keyAt: at, value: scalar(version) }] }
      const entries = [{ key: 'ignition', keyAt: at, value: header }]
      const whole: DocumentNode = {
        kind: 'map',
        at,
        entries: [...entries, ...(document.kind === 'map' ? document.entries : [])],
      }
      judge(whole)
      validateIgnition(whole)
      validateIgnition(document)
    }),
    { numRuns: Math.max(300, Math.floor(fuzzCount() / 10)), seed: seed() },
  )
})

test('documents that were damaged end in Ignition or in problems', () => {
  const mutator = new Mutator(fuzzSeed('butane'))
  const texts = [...GOOD.map(([language, body]) => [language, body] as const), ...BAD, ...ODD].map(([language, body]) =>
    new TextEncoder().encode(butaneText(language, body.replace('«', ''))),
  )
  let read = 0
  for (let i = 0; i < fuzzCount(); i++) {
    const { document } = readYaml(Buffer.from(mutator.mutate(mutator.pick(texts))).toString())
    if (!document) continue
    read++
    judge(document)
    validateIgnition(document)
  }
  expect(read).toBeGreaterThan(100)
})
