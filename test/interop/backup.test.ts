import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../../src/api/client/client.ts'
import { nodeTransport } from '../../src/api/client/node.ts'
import { SILENT } from '../../src/kit/log.ts'
import { openStore } from '../../src/store/store.ts'
import { ownEnvironment } from '../e2e/bed/environment.ts'

/** Backups of a running server that is worked with meanwhile, taken back and cut off. The tests follow each other. */
const RUNS = process.env.REVEILLE_SOAK ? 60 : 8
const BLOB_BYTES = 24 * 2 ** 20
const PROGRAM = join(process.cwd(), 'bin/reveille')
const directory = mkdtempSync(join(tmpdir(), 'rv-backup-'))
const dataDir = join(directory, 'data')
const file = join(directory, 'backup.tar.zst')
const listen = `127.0.0.1:${19_000 + (process.pid % 900)}`
const client = createClient(nodeTransport({ socket: join(dataDir, 'control.sock') }))
const blob = randomBytes(BLOB_BYTES)
let server: ChildProcess
/** How long a restore took here, so that kills fall all over it. */
let restoreMs = 0

const reveille = (...words: string[]) =>
  promisify(execFile)(PROGRAM, words, { env: { ...ownEnvironment(), REVEILLE_DATA_DIR: dataDir } })

beforeAll(async () => {
  const flags = ['--data-dir', dataDir, '--http-listen', listen, '--iscsi-enabled', 'false']
  server = spawn(PROGRAM, ['serve', ...flags], { stdio: ['ignore', 'pipe', 'inherit'], env: ownEnvironment() })
  const lines: string[] = []
  server.stdout!.on('data', (text) => lines.push(String(text)))
  while (!lines.join('').includes('Reveille is ready')) {
    if (server.exitCode !== null) throw new Error(lines.join(''))
    await delay(100)
  }
  await client.putContent({
    params: { image: 'disc' },
    query: { kind: 'iso' },
    body: { content: blob, bytes: blob.length },
  })
})

afterAll(async () => {
  server.kill('SIGKILL')
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
  rmSync(directory, { recursive: true, force: true })
})

const machinesOf = async (data: string) => {
  const store = await openStore(data, { log: SILENT })
  try {
    return (await store.machines.all()).map(({ name }) => name)
  } finally {
    await store.close()
  }
}

test('has everything that was acknowledged before it began, while more comes', async () => {
  const acknowledged: string[] = []
  let isOver = false
  const load = (async () => {
    for (let i = 0; !isOver; i++) {
      const mac = `52:54:00:${[i >> 16, i >> 8, i].map((n) => (n & 0xff).toString(16).padStart(2, '0')).join(':')}`
      acknowledged.push((await client.createMachine({ body: { name: `load-${i}`, macs: [mac] } })).name)
    }
  })()
  await expect.poll(() => acknowledged.length, { timeout: 60_000 }).toBeGreaterThan(50)
  const before = [...acknowledged]
  const { stdout } = await reveille('backup', file, '--json')
  isOver = true
  await load
  expect(JSON.parse(stdout)).toMatchObject({ leftOut: [] })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(dataDir)).not.toContain('backup.part')
  const other = join(directory, 'other')
  const began = performance.now()
  await reveille('restore', file, '--data-dir', other)
  restoreMs = performance.now() - began
  expect(await machinesOf(other)).toEqual(expect.arrayContaining(before))
  const again = await client.getContent({ params: { image: 'disc', version: 1 } })
  await again.cancel()
})

test('a restore that is killed anywhere leaves nothing or everything', async () => {
  let whole = 0
  for (let run = 0; run < RUNS; run++) {
    const target = join(directory, `killed-${run}`)
    const restoring = spawn(PROGRAM, ['restore', file, '--data-dir', target], {
      stdio: 'ignore',
      env: ownEnvironment(),
    })
    const ended = once(restoring, 'exit')
    setTimeout(() => restoring.kill('SIGKILL'), (restoreMs * (run + 1)) / RUNS)
    await ended
    const machines = await machinesOf(target)
    if (machines.length > 50) whole++
    else expect(machines, `run ${run}`).toEqual([])
    // And it can be done again.
    if (run === RUNS - 1) {
      const { stdout } = await reveille('restore', file, '--data-dir', target, '--force', '--json')
      expect(JSON.parse(stdout).files).toBeGreaterThan(3)
      expect((await machinesOf(target)).length).toBeGreaterThan(50)
    }
  }
  console.log(`${whole} of ${RUNS} were whole when they were killed`)
})

test('into a directory that a server holds nothing is restored', async () => {
  await expect(reveille('restore', file, '--data-dir', dataDir, '--force')).rejects.toMatchObject({
    stderr: expect.stringContaining('in use'),
  })
  expect((await client.getStatus()).images).toBe(1)
})

test('without a server the command reads the data directory itself', async () => {
  server.kill('SIGKILL')
  await once(server, 'exit')
  const { stdout } = await reveille('backup', `${file}.2`, '--without-images', '--json')
  expect(JSON.parse(stdout).leftOut).toEqual(['the images, as asked for'])
})
