import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { ownEnvironment } from '../e2e/bed/environment.ts'

/** The goal is 150, and was kept until power drivers, BMCs and configs came: their code alone brought it to 165 in a checkout. */
const MOST_MB = 180
const REVEILLE = join(import.meta.dirname, '../../bin/reveille')

let directory: string
let server: ChildProcess
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'reveille-footprint-'))
  // In a checkout the first start after a change strips types.
  server = await start()
  await stop()
  server = await start()
})
afterAll(async () => {
  await stop()
  await rm(directory, { recursive: true })
})

async function start(): Promise<ChildProcess> {
  const settings = ['--data-dir', directory, '--http-listen', '127.0.0.1:0']
  const started = spawn(REVEILLE, ['serve', ...settings], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: ownEnvironment(),
  })
  let said = ''
  started.stdout.on('data', (piece) => {
    said += piece
  })
  await vi.waitFor(() => expect(said).toContain('Reveille is ready'), { timeout: 60_000 })
  return started
}

async function stop(): Promise<void> {
  server.kill('SIGTERM')
  if (server.exitCode === null) await once(server, 'exit')
}

test(`a server with nothing to do is content with ${MOST_MB} MB`, async () => {
  const status = await readFile(`/proc/${server.pid}/status`, 'utf8')
  const resident = (Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6
  console.log(`resident: ${resident.toFixed(0)} MB`)
  expect(resident).toBeGreaterThan(0)
  expect(resident).toBeLessThan(MOST_MB)
})
