import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IscsiSession } from '../../src/api/contract/iscsi.ts'
import type { Volume, VolumeJob } from '../../src/api/contract/volumes.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'
import { Server } from '../e2e/bed/server.ts'

const MIB = 2 ** 20
const CHUNK = 4 * MIB

/** The command line against the real server, and QEMU's iSCSI client (libiscsi) against what it exports. */
let server: Server
let work = ''
const port = await freeTcpPort()
beforeAll(async () => {
  server = await Server.make({
    http: { listen: '127.0.0.1:0' },
    iscsi: { enabled: true, listen: `127.0.0.1:${port}`, workers: 1 },
  })
  work = await mkdtemp(join(tmpdir(), 'rv-volumes-'))
  const disk = Buffer.alloc(4 * CHUNK)
  disk.fill(0x11, 0, CHUNK)
  disk.fill(0x12, 3 * CHUNK)
  await writeFile(join(work, 'disk.img'), disk)
}, 60_000)
afterAll(async () => {
  await server?.remove()
  if (work !== '') await rm(work, { recursive: true, force: true })
})

type Ran = { status: number; out: string; err: string }

async function run(program: string, args: readonly string[], env = process.env): Promise<Ran> {
  try {
    const { stdout, stderr } = await promisify(execFile)(program, [...args], { env, timeout: 60_000 })
    return { status: 0, out: stdout, err: stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { status: code, out: stdout, err: stderr }
  }
}

/** `reveille LINE`; a word must not hold a space. */
async function reveille(line: string): Promise<Ran> {
  return run('bin/reveille', line.split(' '), { ...process.env, REVEILLE_DATA_DIR: server.dataDir })
}

async function fine(line: string): Promise<string> {
  const { status, out, err } = await reveille(line)
  expect(`${line}: ${status} ${err}`).toBe(`${line}: 0 `)
  return out
}

const json = async <T>(line: string) => JSON.parse(await fine(`${line} --json`)) as T

/** Commands of qemu-io on an export: `write -P 0x22 0 4k`, `read -P 0x22 0 4k`, ... */
const io = (uri: string, ...commands: string[]) =>
  run('qemu-io', ['-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri])

async function ioFine(uri: string, ...commands: string[]): Promise<void> {
  const { status, out, err } = await io(uri, ...commands)
  expect(`${status} ${out}${err}`).toMatch(/^0 /)
  expect(out).not.toContain('verification failed')
}

const shown = (name: string) => json<Volume>(`volume show ${name}`)

describe('volumes from the command line', () => {
  test('are made over an image, exported, written, frozen and reverted', async () => {
    await fine(`image push debian ${join(work, 'disk.img')}`)
    expect(await fine('volume create work --image debian@1 --size 32M --limit 16M --label a=b')).toBe(
      'work is there: 32.0 MiB over debian@1\n',
    )
    const uri = (await fine('volume export work')).trim()
    expect(uri).toMatch(new RegExp(`^iscsi://127\\.0\\.0\\.1:${port}/iqn\\.[^/]+/\\d+$`))
    await ioFine(uri, 'read -P 0x11 0 4M', 'read -P 0 4M 8M', 'read -P 0x12 12M 4M', 'read -P 0 16M 16M')
    await ioFine(uri, 'write -P 0x22 1M 64k', 'flush')
    await fine('volume snapshot work clean --note written-once')
    await ioFine(uri, 'write -P 0x33 1M 64k', 'write -P 0x33 20M 1M', 'flush', 'read -P 0x33 1M 64k')
    expect(await fine('volume revert work clean')).toBe('work is back to snapshot clean and ready\n')
    await ioFine(uri, 'read -P 0x22 1M 64k', 'read -P 0 20M 1M')
    const { snapshots, active, ownBytes } = await shown('work')
    expect({ snapshots: snapshots.map(({ name, note }) => [name, note]), active }).toEqual({
      snapshots: [['clean', 'written-once']],
      active: 'clean',
    })
    expect(ownBytes).toBeLessThan(4 * MIB)
    await fine('volume unexport work')
    expect((await io(uri, 'read 0 4k')).status).not.toBe(0)
  }, 60_000)

  test('are published, and what comes back is what was written', async () => {
    expect(await fine('volume publish work debian --note second')).toMatch(/^work: published as debian@2/)
    const image = join(work, 'second.img')
    await fine(`image pull debian@2 ${image}`)
    const content = await readFile(image)
    expect(content.length).toBe(32 * MIB)
    expect(content[MIB]).toBe(0x22)
    expect(content[0]).toBe(0x11)
    const jobs = await json<VolumeJob[]>('volume jobs')
    expect(jobs[0]).toMatchObject({ what: 'publish', state: 'succeeded', image: 'debian@2' })
  }, 60_000)

  test('are dumped and restored, in the export folder alone', async () => {
    await fine('volume dump work@clean work.img')
    const file = join(server.dataDir, 'exports', 'work.img')
    expect((await stat(file)).size).toBe(32 * MIB)
    expect((await readFile(file))[MIB]).toBe(0x22)
    expect((await reveille('volume dump work work.img')).status).toBe(1)
    expect((await reveille('volume dump work ../work.img')).status).toBe(1)
    await fine('volume create back --size 32M')
    await fine('volume restore back work.img')
    const uri = (await fine('volume export back --read-only')).trim()
    const read = await run('qemu-io', ['-r', '-f', 'raw', '-c', 'read -P 0x22 1M 64k', uri])
    expect(`${read.status} ${read.err}`).toBe('0 ')
    expect((await io(uri, 'write 0 4k')).err).toContain('write protected')
    await fine('volume unexport back')
  }, 60_000)

  test('are cloned, resized, described and deleted', async () => {
    await fine('volume create copy --clone work@clean')
    await fine('volume resize copy 48M')
    expect((await reveille('volume resize copy 16M')).err).toContain('--shrink')
    await fine('volume resize copy 16M --shrink')
    await fine('volume set copy --notes mine --label a=c --vendor ACME --boots 3')
    expect(await shown('copy')).toMatchObject({
      bytes: 16 * MIB,
      notes: 'mine',
      labels: { a: 'c' },
      scsi: { vendor: 'ACME', product: 'VOLUME' },
      bootsLeft: 3,
    })
    expect((await json<Volume[]>('volume list --label a=c')).map(({ name }) => name)).toEqual(['copy'])
    await fine('volume recreate copy')
    await fine('volume rm copy back')
    expect((await json<Volume[]>('volume list')).map(({ name }) => name)).toEqual(['work'])
    await fine('volume rm work@clean')
    expect(await fine('volume snapshots work')).toContain('no snapshot')
    expect(await fine('volume pools')).toMatch(/^POOL/)
  }, 60_000)

  test('ask for CHAP where that was wished, and tell the secret once', async () => {
    const made = await json<{ uri: string; chapUser: string; chapSecret: string }>('volume export work --chap')
    const withSecret = (secret: string) => made.uri.replace('//', `//${made.chapUser}%${secret}@`)
    await ioFine(withSecret(made.chapSecret), 'read -P 0x11 0 4k')
    expect((await io(withSecret('wrongwrongwrong1'), 'read 0 4k')).status).not.toBe(0)
    expect((await io(made.uri, 'read 0 4k')).status).not.toBe(0)
    expect(JSON.stringify(await shown('work'))).not.toContain(made.chapSecret)
    expect(server.output).not.toContain(made.chapSecret)
    await fine('volume unexport work')
  }, 60_000)

  test('admit only whom the export names', async () => {
    const uri = (await fine('volume export work --initiator iqn.2026-11.org.example:me')).trim()
    expect((await io(uri, 'read 0 4k')).status).not.toBe(0)
    const iqn = uri.split('/')[3]
    const lun = uri.split('/')[4]
    const mine = `driver=iscsi,transport=tcp,portal=127.0.0.1:${port},target=${iqn},lun=${lun},initiator-name=iqn.2026-11.org.example:me`
    const { status, err } = await run('qemu-io', ['--image-opts', '-c', 'read -P 0x11 0 4k', mine])
    expect(`${status} ${err}`).toBe('0 ')
    await fine('volume unexport work')
  }, 60_000)

  test('show who is logged in, and let them be shut out', async () => {
    const uri = (await fine('volume export work')).trim()
    const held = run('qemu-io', ['-f', 'raw', '-c', 'read 0 4k', '-c', 'sleep 4000', uri])
    let sessions: IscsiSession[] = []
    while (sessions.length === 0) sessions = await json<IscsiSession[]>('volume sessions')
    expect(sessions[0]).toMatchObject({ volumes: ['work'], address: expect.stringContaining('127.0.0.1') })
    const refused = await reveille('volume revert work')
    expect(refused).toMatchObject({ status: 1, err: expect.stringContaining('in use') })
    expect((await reveille('volume rm work')).status).toBe(1)
    await fine(`volume kick ${sessions[0]?.id}`)
    await held
    await fine('volume unexport work')
  }, 60_000)

  test('come back by themselves after the server was killed', async () => {
    const uri = (await fine('volume export work')).trim()
    await ioFine(uri, 'write -P 0x44 2M 64k', 'flush')
    await server.kill()
    await server.start()
    await ioFine(uri, 'read -P 0x44 2M 64k', 'read -P 0x22 1M 64k')
    await fine('volume unexport work')
  }, 60_000)

  test('are set aside and examined', async () => {
    await fine('machine add analyst --mac 52:54:00:00:aa:01')
    await fine('volume set work --condition modified')
    expect(await fine('volume examine work --machine analyst')).toMatch(/^iscsi:\/\//)
    expect((await shown('work')).condition).toBe('mounted')
    await fine('volume unexport work')
    await fine('volume revert work')
    expect((await shown('work')).condition).toBe('ready')
  }, 60_000)
})
