import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { SIZES, writtenChunk } from './values.ts'

const WRITER = join(import.meta.dirname, 'chunk-writer.ts')
const ROUNDS = process.env.REVEILLE_SOAK ? 100 : 3

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reveille-killed-chunks-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

/** Runs the writer and kills it without warning a moment after so many acknowledgements; returns what it had said. */
async function writeAndKill(from: number, acknowledgements: number, momentMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [WRITER, dir, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (lines.length === acknowledgements) setTimeout(() => child.kill('SIGKILL'), momentMs)
  })
  await once(child, 'close')
  expect(child.signalCode, 'the writer ended by itself').toBe('SIGKILL')
  return lines
}

test('every acknowledged chunk is there and whole after kill -9 at any moment, and nothing is half there', async () => {
  const seed = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`killed-chunks.test.ts: REVEILLE_TEST_SEED=${seed}`)
  let state = seed
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const said: string[] = []
  let from = 1
  for (let round = 0; round < ROUNDS; round++) {
    said.push(...(await writeAndKill(from, 1 + Math.floor(random() * 60), random() * 20)))
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
