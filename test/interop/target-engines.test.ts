import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readlink, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveDisks } from '../../src/compose/disk-workers.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { Refusal } from '../../src/kit/errors.ts'
import { SILENT } from '../../src/kit/log.ts'
import { TgtEngine } from '../../src/volumes/drivers/tgt/tgt.ts'
import { DEFAULT_SCSI } from '../../src/volumes/volume.ts'
import { mayLogIn } from '../conformance/iscsi-clients.ts'
import { RawVolumes } from '../conformance/raw-volumes.ts'
import { type EngineWorld, TARGET_ENGINE_CASES } from '../conformance/target-engines.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'
import { until } from '../e2e/bed/until.ts'

type World = EngineWorld & { close(): Promise<void> }

const clock = { now: () => Date.now() }

/** tgtd over sparse files. */
async function tgt(): Promise<World> {
  const volumes = await RawVolumes.make(tmpdir())
  const { path, volume, content } = volumes
  const listen = { host: '127.0.0.1', port: await freeTcpPort() }
  const start = () => TgtEngine.start({ directory: join(volumes.directory, 'tgt'), listen, log: SILENT, clock, path })
  let engine = await start()
  return {
    get engine() {
      return engine
    },
    host: listen.host,
    cannot: new Set(['address-at-login', 'two-secrets-for-a-user'] as const),
    volume,
    content,
    async isOpen(volume) {
      const descriptors = `/proc/${engine.pid}/fd`
      const wanted = await path(volume)
      for (const name of await readdir(descriptors))
        if ((await readlink(join(descriptors, name)).catch(() => '')) === wanted) return true
      return false
    },
    async restart() {
      await engine.stop()
      engine = await start()
    },
    async crash() {
      const { pid } = engine
      process.kill(pid, 'SIGKILL')
      while (engine.pid === pid) await pause(20)
      await engine.sessions()
    },
    async close() {
      await engine.stop()
      await volumes.remove()
    },
  }
}

/** The built-in engine: volumes of the file pool, served by workers. */
async function builtin(): Promise<World> {
  const dataDir = await mkdtemp(join(tmpdir(), 'reveille-builtin-'))
  const listen = { host: '127.0.0.1', port: await freeTcpPort() }
  const chunks = await FileChunks.open(join(dataDir, 'chunks'), { clock })
  const start = () =>
    serveDisks({
      ...{ dataDir, listen, workers: 2, cacheGiB: 1, chunks, log: SILENT, idleMs: 500 },
      listOf: async () => undefined,
      report: () => {},
    })
  let serving = await start()
  let made = 0
  return {
    get engine() {
      return serving.engine
    },
    host: listen.host,
    cannot: new Set<never>(),
    async volume(bytes) {
      const volume = `v_${++made}`
      await serving.pool.create(volume, { bytes, base: null, limitBytes: null })
      return volume
    },
    async content(volume, at, bytes) {
      const device = await serving.pool.open(volume, { readOnly: true })
      const into = Buffer.alloc(bytes)
      await device.read(into, at)
      await device.close()
      return into
    },
    async restart() {
      await serving.stop()
      serving = await start()
    },
    async close() {
      await serving.stop()
      await rm(dataDir, { recursive: true })
    },
  }
}

const WORLDS: Record<string, () => Promise<World>> = { builtin, tgt }

describe.each(Object.entries(WORLDS))('targets served by %s', (_, open) => {
  let world: World
  beforeAll(async () => {
    world = await open()
  })
  afterAll(() => world?.close())

  for (const { name, run } of TARGET_ENGINE_CASES) test(name, () => run(world))
})

describe('tgtd of our own', () => {
  test('a port that is taken is named, and no other is opened instead', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const directory = await mkdtemp(join(tmpdir(), 'reveille-tgt-'))
    const listen = { host: '127.0.0.1', port }
    const start = TgtEngine.start({ directory, listen, log: SILENT, clock, path: async () => '' })
    await expect(start).rejects.toThrow(`tgt cannot listen on 127.0.0.1:${port}: EADDRINUSE`)
    await new Promise((resolve) => taken.close(resolve))
    await rm(directory, { recursive: true })
  })

  test('what a new daemon could not be told at once it is told later', async () => {
    const volumes = await RawVolumes.make(tmpdir())
    const listen = { host: '127.0.0.1', port: await freeTcpPort() }
    let asked = 0
    let isAway = false
    const path = async (volume: string) => {
      asked++
      if (isAway) throw new Refusal('not-available', 'the pool is away')
      return volumes.path(volume)
    }
    const engine = await TgtEngine.start({
      ...{ directory: join(volumes.directory, 'tgt'), listen, log: SILENT, clock, path },
    })
    const [volume, iqn, initiator] = [await volumes.volume(2 ** 20), 'iqn.2026-11.x:told', 'iqn.2026-11.x:machine']
    const lun = { lun: 0, volume, readOnly: false, serial: volume, scsi: DEFAULT_SCSI }
    await engine.apply({ iqn, initiators: [initiator], addresses: null, chap: null, luns: [lun] })
    isAway = true
    asked = 0
    process.kill(engine.pid, 'SIGKILL')
    await until('it is told without success', 20_000, () => (asked > 0 ? true : undefined))
    isAway = false
    const at = { ...listen, iqn, initiator, lun: engine.firstLun }
    await until('it serves again', 20_000, async () => ((await mayLogIn(at)) ? true : undefined))
    await engine.stop()
    await volumes.remove()
  })

  test('the daemon of a server that was killed is ended by the next one', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'reveille-tgt-'))
    const options = async () => ({
      ...{ directory, listen: { host: '127.0.0.1', port: await freeTcpPort() }, log: SILENT, clock },
      path: async () => '',
    })
    const first = await TgtEngine.start(await options())
    const second = await TgtEngine.start(await options())
    expect(second.pid).not.toBe(first.pid)
    await first.stop()
    await expect(second.sessions()).resolves.toEqual([])
    await second.stop()
    await rm(directory, { recursive: true })
  })

  test('and that of one that was killed just when it had started it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'reveille-tgt-'))
    const listen = { host: '127.0.0.1', port: await freeTcpPort() }
    const left = spawn('tgtd', ['-f', '-C', '1', '--iscsi', `portal=${listen.host}:${listen.port}`], {
      stdio: 'ignore',
      env: { ...process.env, TGT_IPC_SOCKET: join(directory, 'tgtd') },
    })
    const ended = once(left, 'exit')
    await until('it listens', 20_000, async () => {
      const socket = connect(listen)
      const answered = await once(socket, 'connect').then(
        () => true,
        () => undefined,
      )
      socket.destroy()
      return answered
    })
    const engine = await TgtEngine.start({ directory, listen, log: SILENT, clock, path: async () => '' })
    expect((await ended)[1]).toBe('SIGKILL')
    await engine.stop()
    await rm(directory, { recursive: true })
  })
})
