import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { printedRandom, ROUNDS, writeAndKill } from './killing.ts'
import { SIZES, writtenChunk } from './written-chunk.ts'

const WRITER = join(import.meta.dirname, 'chunk-writer.ts')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reveille-killed-chunks-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('every acknowledged chunk is there and whole after kill -9 at any moment, and nothing is half there', async () => {
  const random = printedRandom('killed-chunks.test.ts')
  const said: string[] = []
  let from = 1
  for (let round = 0; round < ROUNDS; round++) {
    said.push(...(await writeAndKill([WRITER, dir, String(from)], 1 + Math.floor(random() * 60), random() * 20)))
    // Those in flight when it was killed may be anything; their numbers are not used again.
    from = 10 + Math.max(from, ...said.map((line) => Number(line.split(' ')[1])))
  }
  const numbers = (kind: string) =>
    new Set(said.filter((line) => line.startsWith(`${kind} `)).map((line) => Number(line.split(' ')[1])))
  const [put, removing, removed] = [numbers('put'), numbers('removing'), numbers('removed')]
  expect(put.size).toBeGreaterThan(ROUNDS)

  const store = await FileChunks.open(dir)
  for (const n of put) {
    const expected = writtenChunk(n)
    const found = await store.read(createHash('sha256').update(expected).digest('hex'))
    if (removed.has(n)) expect(found, `removed ${n}`).toBeUndefined()
    else if (!removing.has(n)) expect(found && expected.equals(found), `put ${n}`).toBe(true)
  }
  for await (const { sha256 } of store.list()) expect(await store.read(sha256)).toBeDefined()
  expect(store.corrupt()).toEqual([])
  expect(readdirSync(join(dir, 'incoming'))).toEqual([])
  expect([...put].some((n) => n % SIZES === 0)).toBe(true)
}, 3_600_000)
