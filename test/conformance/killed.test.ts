import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ipv4 } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import { openStore } from '../../src/store/store.ts'
import { printedRandom, ROUNDS, writeAndKill } from './killing.ts'
import { AWKWARD, lease, machine, trace } from './values.ts'

const WRITER = join(import.meta.dirname, 'sqlite-writer.ts')

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'reveille-killed-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('every acknowledged row is there after kill -9 at any moment, and the directory is free again', async () => {
  const next = printedRandom('killed.test.ts')
  let from = 1
  const acknowledged: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    acknowledged.push(...(await writeAndKill([WRITER, dir, String(from)], 1 + Math.floor(next() * 300), next() * 20)))
    from = 1 + Math.max(0, ...acknowledged.map((line) => Number(line.split(' ')[1])))
  }
  expect(acknowledged.length).toBeGreaterThan(ROUNDS)

  const store = await openStore(dir, { log: SILENT })
  const leases = new Map((await store.leases.all()).map((each) => [each.ip, each]))
  const machines = new Map((await store.machines.all()).map((each) => [each.id, each]))
  const audited = new Map((await store.access.audit({ limit: 1_000_000 })).map((entry) => [entry.at, entry]))
  const removed = new Set(
    acknowledged.filter((line) => line.startsWith('removed')).map((line) => Number(line.split(' ')[1])),
  )
  for (const line of acknowledged) {
    const [kind, text] = line.split(' ')
    const n = Number(text)
    if (kind === 'leases')
      for (let i = removed.has(n) || n % 5 === 0 ? 1 : 0; i < 1 + (n % 40); i++)
        expect(leases.get(ipv4(n * 64 + i)), line).toEqual(lease({ ip: ipv4(n * 64 + i), startedAt: n }))
    if (kind === 'removed') expect(leases.has(ipv4(n * 64)), line).toBe(false)
    if (kind === 'machine') expect(machines.get(`m_${n}`), line).toEqual(machine(n))
    if (kind === 'audit') expect(audited.get(n)?.detail, line).toBe(AWKWARD)
    if (kind === 'trace') expect(await store.traces.get(`t_${n}`), line).toEqual(trace({ id: `t_${n}`, startedAt: n }))
  }
  // A batch is one commit: whole or absent.
  const byBatch = new Map<number, number[]>()
  for (const ip of leases.keys()) byBatch.set(ip >>> 6, [...(byBatch.get(ip >>> 6) ?? []), ip])
  for (const [n, ips] of byBatch)
    expect(ips.length, `batch ${n}`).toBeGreaterThanOrEqual((n % 40) + 1 - (n % 5 === 0 ? 1 : 0))
  await store.close()
}, 3_600_000)

test('a second process is told who holds the directory, and gets it once that one was killed', async () => {
  const child = spawn(process.execPath, [WRITER, dir, '1'], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  await expect(openStore(dir, { log: SILENT })).rejects.toMatchObject({
    code: 'in-use',
    message: `the data directory ${dir} is in use by another Reveille (process ${child.pid})`,
  })
  child.stdout.resume()
  child.kill('SIGKILL')
  await once(child, 'close')
  await (await openStore(dir, { log: SILENT })).close()
})
