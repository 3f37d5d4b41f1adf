import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readYaml } from './drivers/yaml.ts'
import { fillPlainLines } from './write-lines.ts'
import { fillShell } from './write-shell.ts'
import { fillTree, valueOfTree } from './write-values.ts'
import { fillXml } from './write-xml.ts'

const WORD = 'rvlabcdefghijklmnopzq'
const OTHER = 'rvlponmlkjihgfedcbazq'
const values = (value: unknown, other: unknown = 'x') =>
  new Map([
    [WORD, value],
    [OTHER, other],
  ])
const tree = (text: string, value: unknown) => valueOfTree(fillTree(readYaml(text).document!, values(value)))

describe('values in YAML and JSON', () => {
  test('keep their type where they stand alone, and are text within text and quotes', () => {
    expect(tree(`a: ${WORD}`, 8080)).toEqual({ a: 8080 })
    expect(tree(`a: ${WORD}`, ['x', 'y'])).toEqual({ a: ['x', 'y'] })
    expect(tree(`a: ${WORD}`, true)).toEqual({ a: true })
    expect(tree(`a: "${WORD}"`, 8080)).toEqual({ a: '8080' })
    expect(tree(`a: port ${WORD}`, 8080)).toEqual({ a: 'port 8080' })
    expect(tree(`a: ${WORD}`, '123')).toEqual({ a: '123' })
    expect(tree(`${WORD}: 1`, 'key')).toEqual({ key: 1 })
    expect(tree(`a: |\n  one ${WORD}\n  two\n`, 'x\ny')).toEqual({ a: 'one x\ny\ntwo\n' })
  })

  test('never change what the document is, whatever they are', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        expect(tree(`a: ${WORD}\nb: [${WORD}, "${WORD}"]\nc: pre ${WORD} post`, value)).toEqual({
          a: value,
          b: [value, value],
          c: `pre ${value} post`,
        })
      }),
    )
  })

  test('may hold values themselves', () => {
    const document = readYaml(`a: ${WORD}`).document!
    expect(valueOfTree(fillTree(document, values(`[${OTHER}]`, 'inner')))).toEqual({ a: '[inner]' })
  })
})

describe('values in lines', () => {
  test('are refused when they would end the line', () => {
    expect(fillPlainLines(`d-i x string ${WORD}`, values('a b'))).toEqual({ text: 'd-i x string a b', misfits: [] })
    expect(fillPlainLines(`one\ntwo ${WORD}`, values('a\nrm -rf /')).misfits).toMatchObject([{ line: 1 }])
  })

  test('are escaped for XML', () => {
    expect(fillXml(`<a b="${WORD}">${WORD}</a>`, values(`<&"'>`)).text).toBe(
      '<a b="&#60;&#38;&#34;&#39;&#62;">&#60;&#38;&#34;&#39;&#62;</a>',
    )
    expect(fillXml(WORD, values('\0')).misfits).toHaveLength(1)
  })
})

describe('values in shell scripts', () => {
  /** What a shell makes of it, with the value also in the environment to compare. */
  const run = (script: string, value: string) =>
    execFileSync('sh', ['-c', fillShell(script, values(value)).text], { encoding: 'utf8' })

  test('mean themselves, within quotes and outside', () => {
    const value = fc.string({
      unit: fc.constantFrom('a', ' ', "'", '"', '$', '`', '\\', '(', ')', ';', '&', '|', '\n', '#', '*'),
    })
    fc.assert(
      fc.property(value, (text) => {
        const script = `# it's a comment\nprintf '<%s>' ${WORD}\nprintf '<%s>' "${WORD}"\nprintf '<%s>' '${WORD}'\nprintf '<%s>' a${WORD}"b"\n`
        expect(run(script, text)).toBe(`<${text}><${text}><${text}><a${text}b>`)
      }),
      { numRuns: 60 },
    )
  })

  test('are as they are where they are harmless', () => {
    expect(fillShell(`A=${WORD}`, values('web1.example.org')).text).toBe('A=web1.example.org')
    expect(fillShell(`A=${WORD}`, values('')).text).toBe("A=''")
    expect(fillShell(`# ${WORD}`, values('a\nreboot')).misfits).toHaveLength(1)
  })
})
