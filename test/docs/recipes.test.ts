import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Manifest } from '../../src/api/contract/server.ts'
import { checkConfig } from '../../src/compose/configs.ts'

const RECIPES = readdirSync('recipes', { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKZb0nSX5kqOaBq2sQm3sD4bcBvIu4mEr3rI2a1y6w7p ann@desk'

describe.each(RECIPES)('%s', (name) => {
  const manifest = Manifest.parse(parse(readFileSync(`recipes/${name}/recipe.yaml`, 'utf8')))

  test('its configs have no faults and are rendered for a machine that stands for any', async () => {
    expect(manifest.configs).not.toHaveLength(0)
    for (const { kind, parts, ...config } of manifest.configs) {
      // The word that stands for a value otherwise is no key.
      const variables = config.variables.map((each) => (each.name === 'ssh_keys' ? { ...each, default: [KEY] } : each))
      expect((await checkConfig({ kind, parts, variables })).problems).toEqual([])
    }
  })

  test('its profiles name its configs, and its page is in the list and says what was tested', () => {
    const configs = manifest.configs.map((config) => config.name)
    for (const profile of manifest.profiles)
      if (profile.kind !== 'diskless') expect(configs).toContain('config' in profile && profile.config)
    expect(readFileSync('recipes/README.md', 'utf8')).toContain(`(${name}/README.md)`)
    const page = readFileSync(`recipes/${name}/README.md`, 'utf8')
    expect(page).toContain(`reveille apply -f recipes/${name}/recipe.yaml`)
    expect(page).toMatch(/^Tested: /m)
    for (const { variables } of manifest.configs)
      for (const variable of variables) expect(page).toContain(`\`${variable.name}\``)
  })
})
