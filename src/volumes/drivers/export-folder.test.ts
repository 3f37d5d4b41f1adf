import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ExportFolder } from './export-folder.ts'

let directory: string
let folder: ExportFolder
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'exports-'))
  folder = await ExportFolder.open(directory)
})
afterEach(() => rm(directory, { recursive: true }))

async function write(name: string, replace: boolean) {
  const file = await folder.create(name, 4, { replace })
  try {
    await file.write(Buffer.from('disk'), 0)
    await file.finish()
  } finally {
    await file.abandon()
  }
}

test('what is replaced may be a link, which is not followed, and not a folder', async () => {
  await writeFile(join(directory, 'aim'), 'kept')
  await symlink(join(directory, 'aim'), join(directory, 'link'))
  await mkdir(join(directory, 'folder'))
  await write('link', true)
  expect(await readFile(join(directory, 'aim'), 'utf8')).toBe('kept')
  expect(await readFile(join(directory, 'link'), 'utf8')).toBe('disk')
  await expect(write('folder', true)).rejects.toMatchObject({ code: 'wrong-state' })
  await expect(folder.open('folder')).rejects.toMatchObject({ code: 'wrong-state' })
  expect((await readdir(directory)).sort()).toEqual(['aim', 'folder', 'link'])
})
