import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bootKey } from './boot-key.ts'

test('makes a key once, keeps it for its owner alone, and replaces one that was cut short', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'rv-key-'))
  try {
    const key = await bootKey(dir)
    expect(key).toHaveLength(32)
    expect(Buffer.from(await bootKey(dir))).toEqual(Buffer.from(key))
    expect((await stat(join(dir, 'boot-key'))).mode & 0o777).toBe(0o600)
    await writeFile(join(dir, 'boot-key'), 'short')
    expect(await bootKey(dir)).toHaveLength(32)
  } finally {
    await rm(dir, { recursive: true })
  }
})
