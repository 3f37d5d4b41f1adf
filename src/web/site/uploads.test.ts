import { expect, test } from 'vitest'
import { importMatchboxFolder } from '../../api/client/site/importing.ts'
import { readSite } from '../../api/client/site/reading.ts'
import { filesOf, folderNameOf, uploadsOf, yamlPaths } from './uploads.ts'

const file = (webkitRelativePath: string, content: string | Uint8Array<ArrayBuffer>) => {
  const blob = new Blob([content])
  const name = webkitRelativePath.split('/').at(-1) ?? ''
  return { name, webkitRelativePath, size: blob.size, arrayBuffer: () => blob.arrayBuffer() }
}

test('a folder of YAML with the texts that it names is read as the command line reads it', async () => {
  const uploads = uploadsOf([
    file('site/configs.yaml', 'configs:\n  - name: node\n    file: texts/node.bu\n    filesDir: texts/files\n'),
    file('site/texts/node.bu', 'variant: flatcar\nversion: 1.0.0\nstorage: {trees: [{local: tree}]}\n'),
    file('site/texts/files/tree/motd', 'hello'),
    file('site/sub/machines.yml', 'machines:\n  - {name: web1, macs: ["52:54:00:00:00:01"]}\n'),
    file('site/.git/config.yaml', 'x: ['),
  ])
  expect(yamlPaths(uploads)).toEqual(['configs.yaml', 'sub/machines.yml'])
  const { manifest, problems } = await readSite(yamlPaths(uploads), filesOf(uploads))
  expect(problems).toEqual([])
  expect(manifest.machines).toMatchObject([{ name: 'web1' }])
  expect(manifest.configs).toMatchObject([
    { name: 'node', kind: 'butane', parts: [{ name: 'main' }, { name: 'tree/motd', content: 'hello' }] },
  ])
})

test('what was not chosen, and what is no text, is told at the line that names it', async () => {
  const uploads = uploadsOf(
    [
      file('', 'x'),
      file('a.yaml', 'configs:\n  - {name: a, kind: text, file: gone}\n  - {name: b, kind: text, file: logo}\n'),
      file('logo', new Uint8Array([0xff, 0xd8])),
    ].map((each) => ({ ...each, name: each.webkitRelativePath, webkitRelativePath: '' })),
  )
  const { problems } = await readSite(yamlPaths(uploads), filesOf(uploads))
  expect(problems).toEqual([
    { where: 'a.yaml:2:33', message: 'gone cannot be read: it is not among the files that were chosen' },
    { where: 'a.yaml:3:33', message: 'logo cannot be read: it is no text (UTF-8)' },
  ])
})

test('a folder of matchbox is taken over, and each file that cannot be is told', async () => {
  const chosen = [
    file('matchbox/groups/a.json', '{"id":"a","profile":"p","selector":{"mac":"52:54:00:00:00:01"}}'),
    file('matchbox/profiles/p.json', '{'),
    file('matchbox/ignition/p.ign', new Uint8Array([0xff])),
    file('matchbox/assets/vmlinuz', 'x'),
    file('matchbox/.git/config', 'x'),
  ]
  const folder = folderNameOf(chosen)
  const { sections, notes } = await importMatchboxFolder(filesOf(uploadsOf(chosen, folder)), folder)
  expect(sections.machines).toEqual([{ name: 'a', macs: ['52:54:00:00:00:01'] }])
  expect(notes).toEqual([
    'matchbox/ignition/p.ign: cannot be read, and is left out: it is no text (UTF-8)',
    expect.stringMatching(/^matchbox\/profiles\/p\.json: this is not JSON, and left out/),
    'matchbox/groups/a.json: there is no profile p',
  ])
  const wrong = [file('groups/a.json', '{}')]
  await expect(importMatchboxFolder(filesOf(uploadsOf(wrong, 'groups')), 'groups')).rejects.toThrow('neither groups/')
})
