import { describe, expect, test } from 'vitest'
import { BAD, ODD } from '../../../test/fakes/butane-bad.ts'
import { type BadDocument, butaneText } from '../../../test/fakes/butane-document.ts'
import { localFiles } from '../../../test/fakes/ignition-documents.ts'
import { readYaml } from '../../configs/drivers/yaml.ts'
import { transpileButane } from './butane.ts'
import { MOST_PROBLEMS } from './findings.ts'

/** The text without the mark, and the place of the mark. */
function marked(text: string) {
  const before = text.slice(0, text.indexOf('«')).split('\n')
  return { text: text.replace('«', ''), at: { line: before.length, column: before.at(-1)!.length + 1 } }
}
const transpile = (text: string) => transpileButane(readYaml(text).document!, localFiles)

function expectOne([language, body, path, message, hint = '']: BadDocument, severity: 'error' | 'warning') {
  const { text, at } = marked(butaneText(language, body))
  const { ignition, problems } = transpile(text)
  expect(problems).toEqual([
    { severity, path, at, message: expect.stringContaining(message), hint: expect.stringContaining(hint) },
  ])
  expect(ignition === null).toBe(severity === 'error')
}

const named = (rows: readonly BadDocument[]) => rows.map((row) => ({ row, name: `${row[0]} ${row[1]}` }))

describe('Butane', () => {
  test.each(named(BAD))('with a mistake is refused at its place: $name', ({ row }) => expectOne(row, 'error'))

  test.each(named(ODD))('that is odd is told so at its place: $name', ({ row }) => expectOne(row, 'warning'))

  test('with many mistakes tells them all', () => {
    const { ignition, problems } = transpile(`variant: flatcar
version: 1.0.0
storage:
  files:
    - path: etc/a
      mode: 644
    - path: /b
      contents: {inline: x, source: "data:,y"}
      cotents: {}
systemd:
  units: [{name: foo}]
`)
    expect(ignition).toBeNull()
    expect(problems.map(({ path }) => path).sort()).toEqual([
      '$.storage.files.0.mode',
      '$.storage.files.0.path',
      '$.storage.files.1.contents.source',
      '$.storage.files.1.cotents',
      '$.systemd.units.0.name',
    ])
  })

  test('with more mistakes than anybody reads tells the first of them, and is refused', () => {
    const files = Array.from({ length: MOST_PROBLEMS + 10 }, (_, index) => `    - {path: /f${index}, mode: 644}\n`)
    const { ignition, problems } = transpile(`variant: flatcar\nversion: 1.0.0\nstorage:\n  files:\n${files.join('')}`)
    expect(ignition).toBeNull()
    expect(problems).toHaveLength(MOST_PROBLEMS + 1)
    expect(problems.at(-1)!.severity).toBe('error')
  })
})
