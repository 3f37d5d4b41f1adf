import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const map = readFileSync('docs/architecture.md', 'utf8')

/** Paths are written in backticks and start with a folder of the repository. */
const named = [...map.matchAll(/`((?:src|test|bench|docs|scripts|bin)\/[^`\s*]*)`/g)].map((match) => match[1]!)

describe('docs/architecture.md', () => {
  test('names paths at all', () => expect(named.length).toBeGreaterThan(20))

  test.each([...new Set(named)])('%s exists', (path) => expect(existsSync(path)).toBe(true))

  test('names every folder of src', () => {
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory())
    const missing = folders
      .map((entry) => `src/${entry.name}/`)
      .filter((folder) => !named.some((path) => path.startsWith(folder)))
    expect(missing).toEqual([])
  })
})

describe('other documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'docs/booting.md']
  test.each(documents)('%s names only paths that exist', (document) => {
    const text = readFileSync(document, 'utf8')
    const paths = [...text.matchAll(/(?<![\w./-])((?:src|test|bench|docs|scripts)\/[\w./-]*[\w/])/g)].map(
      (match) => match[1]!,
    )
    expect(paths.filter((path) => !path.includes('NAME') && !existsSync(path))).toEqual([])
  })
})
