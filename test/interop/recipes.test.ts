import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Manifest } from '../../src/api/contract/server.ts'
import { LANGUAGES } from '../../src/compose/configs.ts'
import { factsOf, previewFacts, SAMPLE_MACHINE, SAMPLE_NETWORK } from '../../src/configs/facts.ts'
import { renderConfig } from '../../src/configs/rendering.ts'
import { resolve } from '../../src/configs/values.ts'

/** What the recipes make, given to the programs of Debian that read it. */
let folder = ''
const RECIPES = await readdir('recipes', { withFileTypes: true })
const ALL = (
  await Promise.all(
    RECIPES.filter((entry) => entry.isDirectory()).map(async ({ name }) => {
      const { configs } = Manifest.parse(parse(await readFile(`recipes/${name}/recipe.yaml`, 'utf8')))
      return configs.flatMap((config) => rendered(config).map((part) => ({ recipe: name, kind: config.kind, ...part })))
    }),
  )
).flat()

function rendered({ name: config, kind, parts: texts, variables }: Manifest['configs'][number]) {
  const facts = factsOf(SAMPLE_MACHINE, SAMPLE_NETWORK, SAMPLE_MACHINE.ip, previewFacts('http://192.0.2.1:8080'))
  const around = { value: () => undefined, open: () => '', secrets: 'revealed', samples: true } as const
  const scope = () => resolve(variables, facts, around)
  const order = { config, version: 1, kind, parts: texts, scope, snippets: new Map(), packs: true }
  const { parts, problems } = renderConfig(order, LANGUAGES)
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return parts.map(({ name, content }) => ({ part: name, content }))
}

const of = (...kinds: string[]) => ALL.filter(({ kind }) => kinds.includes(kind))

async function run(program: string, words: readonly string[], content: string): Promise<string> {
  const path = join(folder, 'given')
  await writeFile(path, content)
  const { stdout, stderr } = await promisify(execFile)(program, [...words, path])
  return `${stdout}${stderr}`
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reveille-recipes-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the configs of recipes', () => {
  test.each(of('preseed'))('$recipe: debconf takes every line', async ({ content }) => {
    expect(await run('debconf-set-selections', ['-c'], content)).toBe('')
  })

  test.each(of('butane', 'ignition'))('$recipe: Ignition has nothing against it', async ({ content }) => {
    expect(await run('ignition-validate', [], content)).toBe('')
  })

  test.each(of('autoyast', 'unattend').filter(({ part }) => part.endsWith('.xml')))(
    '$recipe: $part is XML',
    async ({ content }) => {
      await run('/usr/bin/python3', ['-c', 'import sys, xml.dom.minidom as xml; xml.parse(sys.argv[1])'], content)
    },
  )

  test.each(of('cloud-init', 'autoinstall'))('$recipe: $part is YAML for Python, too', async ({ content }) => {
    await run('/usr/bin/python3', ['-c', 'import sys, yaml; yaml.safe_load(open(sys.argv[1]))'], content)
  })
})
