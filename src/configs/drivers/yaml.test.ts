import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { DocumentNode } from '../../protocols/ignition/document.ts'
import { readYaml, writeYaml } from './yaml.ts'

/** A tree as plain values. */
function plainOf(node: DocumentNode): unknown {
  if (node.kind === 'map') return Object.fromEntries(node.entries.map(({ key, value }) => [key, plainOf(value)]))
  return node.kind === 'list' ? node.items.map(plainOf) : node.value
}
const value = (text: string) => {
  const { document, problems } = readYaml(text)
  expect(problems).toEqual([])
  return plainOf(document!)
}

describe('YAML', () => {
  test('is read with places that editors count', () => {
    const { document } = readYaml('variant: flatcar\nstorage:\n  files:\n    - path: /etc/x\n      mode: 0644\n')
    const storage = document?.kind === 'map' ? document.entries[1] : undefined
    expect(storage?.keyAt).toEqual({ line: 2, column: 1 })
    const files = storage?.value.kind === 'map' ? storage.value.entries[0]!.value : undefined
    const file = files?.kind === 'list' ? files.items[0] : undefined
    const mode = file?.kind === 'map' ? file.entries[1] : undefined
    expect(mode?.value).toEqual({
      kind: 'scalar',
      at: { line: 5, column: 13 },
      value: 420,
      text: '0644',
      quoted: false,
    })
  })

  test('has octal modes, but no truth that nobody meant', () => {
    expect(value('a: 0644\nb: "0644"\nc: yes\nd: true\ne: 0x10\nf: 08\ng: null\nh: 1.5')).toEqual({
      a: 420,
      b: '0644',
      c: 'yes',
      d: true,
      e: 16,
      f: 8,
      g: null,
      h: 1.5,
    })
  })

  test('has anchors, aliases and merged maps', () => {
    expect(value('a: &x {b: 1, c: 2}\nd: *x\ne: {<<: *x, c: 3}')).toEqual({
      a: { b: 1, c: 2 },
      d: { b: 1, c: 2 },
      e: { b: 1, c: 3 },
    })
  })

  test('JSON is YAML', () => expect(value('{"a": [1, "0644", {"b": null}]}')).toEqual({ a: [1, '0644', { b: null }] }))

  test.each([
    ['a: [1, 2', 1],
    ['a: 1\n b: 2', 1],
    ['a: 1\na: 2', 2],
    ['a: *nothing', 1],
    ['a\tb: {', 1],
    ['a: 1\n---\nb: 2\n', 2],
    ['', null],
    ['# nothing', null],
  ])('%j is refused with its line', (text, line) => {
    const { document, problems } = readYaml(text)
    expect(document).toBeNull()
    expect(problems[0]?.at?.line ?? null).toBe(line)
  })

  test('that explodes is refused, soon', () => {
    const bomb = ['a0: &a0 [x,x,x,x,x,x,x,x,x,x]']
    for (let n = 1; n < 12; n++)
      bomb.push(
        `a${n}: &a${n} [${Array(10)
          .fill(`*a${n - 1}`)
          .join(',')}]`,
      )
    expect(readYaml(bomb.join('\n')).problems[0]?.message).toMatch(/more than 200000 nodes/)
    expect(readYaml('['.repeat(5000)).document).toBeNull()
    expect(readYaml(`${'a: {'.repeat(300)}${'}'.repeat(300)}`).problems[0]?.message).toMatch(/deeper/)
    expect(readYaml('x'.repeat(5_000_000)).problems[0]?.message).toMatch(/larger/)
    expect(readYaml('&a [*a]').document).toBeNull()
  })

  test('of any text ends', () => {
    const piece = fc.constantFrom(
      'a',
      ':',
      ' ',
      '\n',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '&x',
      '*x',
      '!!',
      '"',
      "'",
      '|',
      '>',
      '<<',
      '\t',
      '0',
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => void readYaml(pieces.join(''))),
      { numRuns: 500 },
    )
  })

  test('that was written has no line break but those of its structure, whatever values hold', () => {
    // U+2028 ends a line in YAML 1.1, and with it a block of text: what follows it would be an entry.
    const value = {
      a: 'x\ny\u2028runcmd: [evil]\n',
      b: 'a\u0085- b',
      '=': '=',
      '<<': { c: '<<' },
      d: '\ufeff\u007f\u0000',
    }
    const text = writeYaml(value)
    expect(text).not.toMatch(/[^\n\x20-\x7e]/)
    expect(text).toContain('"<<":\n  c: "<<"\n')
    expect(text).toContain('"=": "="')
    expect(JSON.parse(text.match(/^a: (.*)$/m)![1]!)).toBe(value.a)
    expect(writeYaml({ a: 'Zürich 漢 𝄞' })).toBe('a: Zürich 漢 𝄞\n')
  })

  test('that was written is read as what it was', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        if (json === null || typeof json !== 'object') return
        // As JSON: it has no negative zero.
        expect(JSON.stringify(value(writeYaml(json)))).toBe(JSON.stringify(json))
      }),
      { numRuns: 200 },
    )
  })
})
