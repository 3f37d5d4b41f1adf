import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Server } from '../e2e/bed/server.ts'

/**
 * The whole server, killed without warning while several clients create and change things. What it had acknowledged is there
 * afterwards, it starts again by itself, and nothing of what was on its way is left behind.
 */
const ROUNDS = 6
const CLIENTS = 4
/** Longest time under fire in one round, in ms. */
const FIRE_MS = 600

/** What was acknowledged: by path, what must be there, or `undefined` for what must be gone. */
type Acknowledged = Map<string, Record<string, unknown> | undefined>

/** One thing after another, until the server is gone. */
async function work(server: Server, client: string, acknowledged: Acknowledged, alive: () => boolean): Promise<void> {
  const acknowledge = async (method: string, path: string, body: unknown, then: () => void) => {
    // Not answered: it may have happened or not, so that nothing is known of it any more.
    const answer = await server.call(method, `/api/v1${path}`, body).catch(() => undefined)
    if (!answer) return false
    expect(answer.status, `${method} ${path}: ${answer.text}`).toBeLessThan(300)
    then()
    return true
  }
  for (let n = 0; alive(); n++) {
    const name = `${client}-${n}`
    const [a, b, c] = [client.charCodeAt(1), client.charCodeAt(3), n].map((byte) => byte!.toString(16).padStart(2, '0'))
    const machine = { name, macs: [`02:00:00:${a}:${b}:${c}`] }
    const at = `/machines/${name}`
    if (!(await acknowledge('POST', '/machines', machine, () => acknowledged.set(at, machine)))) return
    const notes = `note ${n}`
    const drivers = { items: [{ name: 'bmc', secrets: ['password'], settings: { address: '127.0.0.1' } }] }
    const bmc = { settings: { kind: 'ipmi', address: '127.0.0.1', port: 9 }, secrets: { password: name } }
    const put = () => acknowledged.set(`${at}/power/drivers`, drivers)
    if (!(await acknowledge('PUT', `${at}/power/drivers/bmc`, bmc, put))) return
    acknowledged.set(at, { name })
    if (!(await acknowledge('PATCH', at, { notes }, () => acknowledged.set(at, { ...machine, notes })))) return
    const profile = { name, kind: 'park', description: `of ${name}`, message: '' }
    if (!(await acknowledge('POST', '/profiles', profile, () => acknowledged.set(`/profiles/${name}`, profile)))) return
    const bytes = Buffer.alloc(300_000, name)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const image = { name, latest: 1, bytes: bytes.length }
    const content = `/images/${name}/versions/new/content`
    const stored = () => {
      acknowledged.set(`/images/${name}`, image)
      acknowledged.set(`/uploads/${sha256}`, { bytes: bytes.length })
    }
    if (!(await acknowledge('PUT', content, bytes, stored))) return
    if (n % 3 !== 0) continue
    acknowledged.delete(at)
    acknowledged.delete(`${at}/power/drivers`)
    if (!(await acknowledge('DELETE', at, undefined, () => acknowledged.set(at, undefined)))) return
  }
}

/** A small generator with a seed that is printed, so that a failure can be had again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

test('all that was acknowledged outlives kill -9, and nothing half done is left', async () => {
  const seed = Number(process.env.REVEILLE_TEST_SEED ?? Math.floor(Math.random() * 2 ** 32))
  console.log(`killed-server.test.ts: REVEILLE_TEST_SEED=${seed}`)
  const next = random(seed)
  const acknowledged: Acknowledged = new Map()
  const server = await Server.make({ http: { listen: '127.0.0.1:18471' }, power: { pollSeconds: 0 } })
  try {
    for (let round = 0; round < ROUNDS; round++) {
      let alive = true
      const clients = Array.from({ length: CLIENTS }, (_, i) => `r${round}c${i}`)
      const working = clients.map((client) => work(server, client, acknowledged, () => alive))
      await new Promise((resolve) => setTimeout(resolve, 50 + next() * FIRE_MS))
      await server.kill()
      alive = false
      await Promise.all(working)
      await server.start()
      expect(await readdir(join(server.dataDir, 'blobs/incoming'))).toEqual([])
    }
    expect(acknowledged.size).toBeGreaterThan(ROUNDS * CLIENTS)
    for (const [path, expected] of acknowledged) {
      const { status, text } = await server.call('GET', `/api/v1${path}`)
      expect(status, path).toBe(expected ? 200 : 404)
      if (expected) expect(JSON.parse(text), path).toMatchObject(expected)
    }
    for (const path of [...acknowledged.keys()].filter((each) => each.startsWith('/images/'))) {
      const { text } = await server.call('GET', `/api/v1${path}/versions/latest/content`)
      expect(text, path).toBe(Buffer.alloc(300_000, path.slice('/images/'.length)).toString())
    }
    const left = (await readdir(server.dataDir)).filter((name) => !name.startsWith('reveille.'))
    expect(left.sort()).toEqual([
      'admin-password',
      'blobs',
      'boot-key',
      'chunks',
      'consoles',
      'control.sock',
      'credential-key',
      'exports',
      'guest-key',
      'leases.db',
      'lock.db',
      'volumes',
    ])
  } finally {
    await server.remove()
  }
}, 120_000)
