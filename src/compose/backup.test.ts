import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import {
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { lease, machine } from '../../test/conformance/values.ts'
import { load } from '../config/load.ts'
import { SILENT } from '../kit/log.ts'
import { commitRestore, stageRestore } from '../store/restored.ts'
import { openStore } from '../store/store.ts'
import { lockFile } from '../volumes/durable/locks.ts'
import { inspectBackup, offlineBackup, restore } from './backup.ts'

let parent: string
let dir: string
let file: string
beforeEach(async () => {
  parent = mkdtempSync(join(tmpdir(), 'reveille-backup-'))
  dir = join(parent, 'data')
  file = join(parent, 'backup.tar.zst')
  const store = await openStore(dir, { log: SILENT })
  await store.machines.saveAll([machine(1), machine(2)])
  await store.leases.saveAll([lease()])
  await store.close()
  for (const key of ['boot-key', 'credential-key']) writeFileSync(join(dir, key), randomBytes(32), { mode: 0o600 })
  const blob = Buffer.from('a kernel')
  const sha256 = createHash('sha256').update(blob).digest('hex')
  put(`blobs/${sha256.slice(0, 2)}/${sha256}`, blob)
  put('blobs/incoming/half', 'half an upload')
  put(`chunks/ab/${'ab'.repeat(32)}`, randomBytes(5000))
  put('chunks/damaged/x', 'damaged')
  put('lab/first/disk.img', 'not ours to keep')
  put('consoles/m_1/000000000000000.log', 'login:')
  put('volumes/volumes/v_1/manifest.json', '{}')
  put(
    'volumes/volumes/v_1/0123456789abcdef.data',
    Buffer.concat([Buffer.alloc(3_000_000), randomBytes(100), Buffer.alloc(1_000_000)]),
  )
  put('volumes/volumes/v_1/lock', '')
  put('volumes/volumes/v_2/manifest.json', '{"a":1}')
  linkSync(
    join(dir, 'volumes/volumes/v_1/0123456789abcdef.data'),
    join(dir, 'volumes/volumes/v_2/0123456789abcdef.data'),
  )
  put('volumes/volumes/.new-v_3/manifest.json', '{')
})
afterEach(() => rmSync(parent, { recursive: true }))

function put(name: string, content: string | Buffer): void {
  const path = join(dir, name)
  mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 })
  writeFileSync(path, content, { mode: 0o600 })
}

const loaded = (dataDir: string) => load({ dataDir }, {}, parent)
const ALL = { images: true, volumes: true }
const made = (parts = ALL) => writeFile(file, offlineBackup(loaded(dir), '1.2.3', parts))

/** Every file of a folder with the sum of its content. */
function sums(directory: string): Record<string, string> {
  const found: Record<string, string> = {}
  for (const name of readdirSync(directory, { recursive: true }).map(String).sort()) {
    const path = join(directory, name)
    if (statSync(path).isFile()) found[name] = createHash('sha256').update(readFileSync(path)).digest('hex')
  }
  return found
}

test('comes back with everything that counts, and nothing else', async () => {
  await made()
  const facts = await inspectBackup(file)
  expect(facts).toMatchObject({ version: '1.2.3', leftOut: [], parts: ALL })
  const other = join(parent, 'other')
  expect(await restore(loaded(other), file, { force: false })).toMatchObject({ dataDir: other, aside: null })
  const store = await openStore(other, { log: SILENT })
  expect((await store.machines.all()).map(({ name }) => name)).toEqual([machine(1).name, machine(2).name])
  expect(await store.leases.all()).toEqual([lease()])
  await store.close()
  const before = sums(dir)
  const after = sums(other)
  const kept = Object.keys(before).filter(
    (name) => !/^(lab|reveille\.db|leases\.db|lock\.db)|incoming|damaged|\.new-/.test(name),
  )
  expect(kept.length).toBeGreaterThan(8)
  for (const name of kept) expect(after[name], name).toBe(before[name])
  expect(
    Object.keys(after)
      .filter((name) => !/\.db/.test(name))
      .sort(),
  ).toEqual(kept.filter((name) => !/\.db/.test(name)))
  for (const name of Object.keys(after)) expect(statSync(join(other, name)).mode & 0o077, name).toBe(0)
  const layer = '0123456789abcdef.data'
  const [first, second] = ['v_1', 'v_2'].map((id) => statSync(join(other, 'volumes/volumes', id, layer)))
  expect(second?.ino, 'clones share their layers').toBe(first?.ino)
  expect(first!.blocks * 512, 'holes stay holes').toBeLessThan(2_000_000)
})

test('what is left out is named', async () => {
  await made({ images: false, volumes: false })
  const facts = await inspectBackup(file)
  expect(facts.leftOut).toEqual(['the images, as asked for', 'the volumes, as asked for'])
  const lock = await lockFile(join(dir, 'volumes/volumes/v_2/lock'), 'exclusive', { waitMs: 0, what: 'v_2' })
  await made()
  await lock.release()
  expect((await inspectBackup(file)).leftOut).toEqual([
    'the volume v_2: it is in use now; the backup goes on without it',
  ])
})

test('other programs can read it', async () => {
  await made()
  const names = execFileSync('tar', ['-t'], {
    input: (await import('node:zlib')).zstdDecompressSync(readFileSync(file)),
  }).toString()
  expect(names.split('\n')[0]).toBe('reveille-backup.json')
  expect(names).toContain('volumes/volumes/v_1/manifest.json')
})

test('a directory that holds something is refused, or kept aside when forced', async () => {
  await made()
  const content = (): Record<string, string> => ({ ...sums(dir), 'lock.db': '' })
  const before = content()
  await expect(restore(loaded(dir), file, { force: false })).rejects.toMatchObject({
    code: 'conflict',
    next: expect.stringContaining('--force'),
  })
  expect(content()).toEqual(before)
  const { aside } = await restore(loaded(dir), file, { force: true })
  for (const name of ['lab/first/disk.img', 'boot-key']) expect(sums(aside!)[name], name).toBe(before[name])
  expect(existsSync(join(dir, 'lab'))).toBe(false)
  await (await openStore(dir, { log: SILENT })).close()
})

test('a directory that a server holds is refused', async () => {
  await made()
  const store = await openStore(dir, { log: SILENT })
  await expect(restore(loaded(dir), file, { force: true })).rejects.toMatchObject({ code: 'in-use' })
  await expect(made()).rejects.toMatchObject({ code: 'in-use' })
  await store.close()
})

test('what is cut off or damaged anywhere is refused, and changes nothing', async () => {
  await made()
  const whole = readFileSync(file)
  const other = join(parent, 'other')
  const bad = join(parent, 'bad')
  const tried = async (bytes: Uint8Array, what: string) => {
    writeFileSync(bad, bytes)
    await expect(restore(loaded(other), bad, { force: false }), what).rejects.toMatchObject({ code: 'corrupt' })
    expect(
      readdirSync(other).filter((name) => !/^(lock\.db|restoring)/.test(name)),
      what,
    ).toEqual([])
  }
  for (let i = 0; i < 20; i++) {
    const at = Math.floor((whole.length * i) / 20)
    await tried(whole.subarray(0, at), `cut at ${at}`)
    const changed = Buffer.from(whole)
    changed[at]! ^= 0x10
    await tried(changed, `changed at ${at}`)
  }
  await tried(randomBytes(100_000), 'noise')
  expect(await restore(loaded(other), file, { force: false })).toMatchObject({ aside: null })
})

test('a restore that was cut off when it was whole goes on, wherever it was', async () => {
  const names = ['reveille.db', 'leases.db', 'boot-key', 'blobs']
  for (let stop = 0; stop <= 2 * names.length; stop++) {
    const target = join(parent, `cut-${stop}`)
    mkdirSync(target, { mode: 0o700 })
    for (const name of names) writeFileSync(join(target, name), `old ${name}`)
    const stage = await stageRestore(target)
    for (const name of names) writeFileSync(join(stage, name), `new ${name}`)
    // The same steps, by hand, up to where it is cut off.
    writeFileSync(join(stage, 'aside.json'), JSON.stringify({ folder: 'before-restore-x', names }))
    renameSync(stage, join(target, 'restored'))
    mkdirSync(join(target, 'before-restore-x'))
    const steps = [
      ...names.map((name) => () => renameSync(join(target, name), join(target, 'before-restore-x', name))),
      ...names.map((name, i) => () => {
        if (i === 0) rmSync(join(target, 'restored/aside.json'))
        renameSync(join(target, 'restored', name), join(target, name))
      }),
    ]
    for (const step of steps.slice(0, stop)) step()
    // What a start makes before it looks.
    if (!existsSync(join(target, 'reveille.db'))) writeFileSync(join(target, 'reveille.db'), '')
    const { finishRestore } = await import('../store/restored.ts')
    await finishRestore(target)
    for (const name of names) {
      expect(readFileSync(join(target, name), 'utf8'), `${stop}`).toBe(`new ${name}`)
      expect(readFileSync(join(target, 'before-restore-x', name), 'utf8'), `${stop}`).toBe(`old ${name}`)
    }
    expect(existsSync(join(target, 'restored'))).toBe(false)
  }
})

test('committing twice is harmless', async () => {
  const target = join(parent, 'twice')
  mkdirSync(target)
  writeFileSync(join(await stageRestore(target), 'boot-key'), 'one')
  expect(await commitRestore(target, 0)).toBe(null)
  writeFileSync(join(await stageRestore(target), 'boot-key'), 'two')
  expect(await commitRestore(target, 0)).toBe('before-restore-1970-01-01T00-00-00-000Z')
  expect(readFileSync(join(target, 'boot-key'), 'utf8')).toBe('two')
})
