import assert from 'node:assert/strict'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../src/kit/errors.ts'
import type { Chap, Target, TargetEngine } from '../../src/volumes/engine.ts'
import { DEFAULT_SCSI } from '../../src/volumes/volume.ts'
import { capacity, conform, Initiator, inquiry, type Login, listed, mayLogIn } from './iscsi-clients.ts'

/** Any target engine can be tried with this. Volumes are made by the world: the engine is told of targets only. */
export interface EngineWorld {
  readonly engine: TargetEngine
  /** An address of the engine that a client here reaches from 127.0.0.1. */
  readonly host: string
  /** A new volume that reads as zeros. */
  volume(bytes: number): Promise<string>
  /** Bytes of a volume that no target has. */
  content(volume: string, at: number, bytes: number): Promise<Uint8Array>
  /** Whether anybody has it open. */
  isOpen?(volume: string): Promise<boolean>
  /** Stops the engine, and starts one that remembers nothing. */
  restart(): Promise<void>
  /** Kills the process that serves; the engine puts that right by itself. */
  crash?(): Promise<void>
  /** On an emulated processor only the simplest tests of libiscsi are run. */
  readonly isSlow?: boolean
  /** What the engine cannot do, by its docstring. */
  readonly cannot: ReadonlySet<'address-at-login' | 'address-alone' | 'two-secrets-for-a-user'>
}

export type EngineCase = Readonly<{ name: string; run(world: EngineWorld): Promise<void> }>

const MIB = 2 ** 20
const PREFIX = `iqn.2026-11.org.reveille.test:p${process.pid}`
const SOON_MS = 20_000
let made = 0

/** Names never come again, so that cases do not meet. */
const newIqn = () => `${PREFIX}.t${++made}`
const MACHINE = `${PREFIX}.machine`
const STRANGER = `${PREFIX}.stranger`
const CHAP: Chap = { user: 'machine', secret: 'abcdefghijklmn12' }

type Disk = Readonly<{ volume: string; readOnly?: boolean }>
function target(disks: readonly Disk[], more: Partial<Target> = {}): Target {
  const luns = disks.map(({ volume, readOnly = false }, lun) => ({
    ...{ lun, volume, readOnly, serial: volume, scsi: DEFAULT_SCSI },
  }))
  return { iqn: newIqn(), initiators: [MACHINE], addresses: null, chap: null, luns, ...more }
}

function login(world: EngineWorld, { iqn }: Target, more: Partial<Login> = {}): Login {
  const { engine, host } = world
  const { lun = 0, ...rest } = more
  return { host, port: engine.portal.port, iqn, initiator: MACHINE, lun: lun + (engine.firstLun ?? 0), ...rest }
}

async function soon(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const until = Date.now() + SOON_MS; Date.now() < until; await pause(50)) if (await holds()) return
  assert.fail(`not seen within ${SOON_MS} ms: ${what}`)
}

const sessionsOf = async ({ engine }: EngineWorld, { iqn }: Target) =>
  (await engine.sessions()).filter((session) => session.target === iqn)

async function refused(code: string, work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error) => error instanceof Refusal && error.code === code)
}

/** Opens a session, does the work and closes it. */
async function connected(to: Login, work: (initiator: Initiator) => Promise<void>, readOnly = false): Promise<void> {
  const initiator = await Initiator.connect(to, { readOnly })
  try {
    await work(initiator)
  } finally {
    await initiator.close()
  }
}

const ok = (problem: string | undefined) => assert.equal(problem, undefined)

export const TARGET_ENGINE_CASES: readonly EngineCase[] = [
  {
    name: 'a disk has its size, its identity and its bytes',
    async run(world) {
      const volume = await world.volume(32 * MIB)
      const one = target([{ volume }])
      await world.engine.apply(one)
      const at = login(world, one)
      assert.equal(await capacity(at), 32 * MIB)
      const { stdout } = await inquiry(at)
      assert.match(stdout, /Peripheral Device Type:DIRECT_ACCESS/)
      assert.match(stdout, new RegExp(`Vendor:${DEFAULT_SCSI.vendor}`))
      assert.match(stdout, new RegExp(`Product:${DEFAULT_SCSI.product}`))
      assert.match((await inquiry(at, 0x80)).stdout, new RegExp(volume))
      await connected(at, async (initiator) => {
        ok(await initiator.holds(0, 0, MIB))
        ok(await initiator.write(0xa5, 4096, 65_536))
        ok(await initiator.write(0x5a, 32 * MIB - 512, 512))
        ok(await initiator.holds(0xa5, 4096, 65_536))
        await initiator.flush()
      })
      await world.engine.withdraw(one.iqn)
      assert.ok(Buffer.from(await world.content(volume, 4096, 65_536)).equals(Buffer.alloc(65_536, 0xa5)))
      assert.ok(Buffer.from(await world.content(volume, 32 * MIB - 512, 512)).equals(Buffer.alloc(512, 0x5a)))
      assert.equal(await mayLogIn(at), false)
    },
  },
  {
    name: 'several disks of one target keep apart, and LUN 0 answers',
    async run(world) {
      const volumes = [await world.volume(8 * MIB), await world.volume(16 * MIB), await world.volume(24 * MIB)]
      const one = target(volumes.map((volume) => ({ volume })))
      await world.engine.apply(one)
      for (const [lun] of volumes.entries()) {
        const at = login(world, one, { lun })
        assert.equal(await capacity(at), (lun + 1) * 8 * MIB)
        await connected(at, async (initiator) => ok(await initiator.write(lun + 1, 0, 4096)))
      }
      assert.match((await inquiry({ ...login(world, one), lun: 0 })).stdout, /Peripheral Device Type/)
      await world.engine.withdraw(one.iqn)
      for (const [lun, volume] of volumes.entries())
        assert.ok(Buffer.from(await world.content(volume, 0, 4096)).equals(Buffer.alloc(4096, lun + 1)))
    },
  },
  {
    name: 'apply and withdraw may come twice, and a session does not notice',
    async run(world) {
      const volume = await world.volume(8 * MIB)
      const one = target([{ volume }])
      await world.engine.withdraw(one.iqn)
      await world.engine.apply(one)
      await connected(login(world, one), async (initiator) => {
        ok(await initiator.write(7, 0, 4096))
        const [before] = await sessionsOf(world, one)
        await world.engine.apply(structuredClone(one))
        ok(await initiator.holds(7, 0, 4096))
        assert.equal((await sessionsOf(world, one))[0]!.id, before!.id)
      })
      await world.engine.withdraw(one.iqn)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'only the named initiators are let in',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }])
      await world.engine.apply(one)
      assert.equal(await mayLogIn(login(world, one)), true)
      assert.equal(await mayLogIn(login(world, one, { initiator: STRANGER })), false)
      await world.engine.apply({ ...one, initiators: [STRANGER] })
      assert.equal(await mayLogIn(login(world, one)), false)
      assert.equal(await mayLogIn(login(world, one, { initiator: STRANGER })), true)
      await world.engine.apply({ ...one, initiators: null })
      assert.equal(await mayLogIn(login(world, one)), true)
      await world.engine.apply({ ...one, initiators: [] })
      assert.equal(await mayLogIn(login(world, one)), false)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'only the named addresses are let in',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }], { initiators: null, addresses: ['127.0.0.1'] })
      if (world.cannot.has('address-alone')) await refused('not-available', world.engine.apply(one))
      else {
        await world.engine.apply(one)
        assert.equal(await mayLogIn(login(world, one)), true)
        await world.engine.apply({ ...one, addresses: ['192.0.2.7'] })
        assert.equal(await mayLogIn(login(world, one)), false)
      }
      const both = { ...one, initiators: [MACHINE], addresses: ['127.0.0.1'] }
      await world.engine.apply(both)
      assert.equal(await mayLogIn(login(world, one)), true)
      assert.equal(await mayLogIn(login(world, one, { initiator: STRANGER })), false)
      await world.engine.apply({ ...both, addresses: ['192.0.2.7'] })
      if (!world.cannot.has('address-at-login')) assert.equal(await mayLogIn(login(world, one)), false)
      await soon('nobody is there', async () => (await sessionsOf(world, one)).length === 0)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'with CHAP only who knows the secret is let in',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }], { chap: CHAP })
      await world.engine.apply(one)
      const { user, secret } = CHAP
      assert.equal(await mayLogIn(login(world, one, { user, secret })), true)
      assert.equal(await mayLogIn(login(world, one)), false)
      assert.equal(await mayLogIn(login(world, one, { user, secret: 'abcdefghijklmn13' })), false)
      assert.equal(await mayLogIn(login(world, one, { user: 'somebody', secret })), false)
      assert.equal(await mayLogIn(login(world, one, { user, secret, initiator: STRANGER })), false)
      await connected(login(world, one, { user, secret }), async (initiator) => ok(await initiator.write(1, 0, 4096)))
      const anew = { ...CHAP, secret: 'othersecret12345' }
      await world.engine.apply({ ...one, chap: anew })
      assert.equal(await mayLogIn(login(world, one, { user, secret })), false)
      assert.equal(await mayLogIn(login(world, one, anew)), true)
      await world.engine.apply({ ...one, chap: null })
      assert.equal(await mayLogIn(login(world, one)), true)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'with mutual CHAP the target proves itself too',
    async run(world) {
      const mutual = { user: 'reveille', secret: 'targetsecret1234' }
      const one = target([{ volume: await world.volume(8 * MIB) }], { chap: { ...CHAP, mutual } })
      await world.engine.apply(one)
      const { user, secret } = CHAP
      assert.equal(await mayLogIn(login(world, one, { user, secret, mutual })), true)
      const other = { ...mutual, secret: 'targetsecret1235' }
      assert.equal(await mayLogIn(login(world, one, { user, secret, mutual: other })), false)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'each target has its own CHAP secret',
    async run(world) {
      const { user, secret } = CHAP
      const one = target([{ volume: await world.volume(8 * MIB) }], { chap: CHAP })
      const other = { user: 'another', secret: 'anothersecret123' }
      const two = target([{ volume: await world.volume(8 * MIB) }], { chap: other })
      await world.engine.apply(one)
      await world.engine.apply(two)
      assert.equal(await mayLogIn(login(world, one, { user, secret })), true)
      assert.equal(await mayLogIn(login(world, two, { user, secret })), false)
      assert.equal(await mayLogIn(login(world, one, other)), false)
      assert.equal(await mayLogIn(login(world, two, other)), true)
      const clash = target([{ volume: await world.volume(8 * MIB) }], { chap: { user, secret: 'differentsecret1' } })
      if (world.cannot.has('two-secrets-for-a-user')) await refused('conflict', world.engine.apply(clash))
      else {
        await world.engine.apply(clash)
        assert.equal(await mayLogIn(login(world, clash, { user, secret })), false)
        assert.equal(await mayLogIn(login(world, clash, { user, secret: 'differentsecret1' })), true)
      }
      for (const { iqn } of [one, two, clash]) await world.engine.withdraw(iqn)
    },
  },
  {
    name: 'a read-only disk refuses writes, beside one that does not',
    async run(world) {
      const [volume, writable] = [await world.volume(8 * MIB), await world.volume(8 * MIB)]
      const one = target([{ volume, readOnly: true }, { volume: writable }])
      await world.engine.apply(one)
      await assert.rejects(Initiator.connect(login(world, one)), /write protected|Read-only|read.only/i)
      await connected(login(world, one), async (initiator) => ok(await initiator.holds(0, 0, 4096)), true)
      await connected(login(world, one, { lun: 1 }), async (initiator) => ok(await initiator.write(3, 0, 4096)))
      await world.engine.withdraw(one.iqn)
      assert.ok(Buffer.from(await world.content(volume, 0, 4096)).equals(Buffer.alloc(4096)))
    },
  },
  {
    name: 'sessions are listed, and one that is kicked may come again',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }])
      await world.engine.apply(one)
      assert.deepEqual(await sessionsOf(world, one), [])
      await connected(login(world, one), async (initiator) => {
        const [session, ...more] = await sessionsOf(world, one)
        assert.equal(more.length, 0)
        assert.equal(session!.initiator, MACHINE)
        assert.equal(session!.address, '127.0.0.1')
        assert.ok(Math.abs(session!.since - Date.now()) < 60_000)
        await world.engine.kick(session!.id)
        ok(await initiator.write(9, 0, 4096))
        await soon('a new session', async () => {
          const now = await sessionsOf(world, one)
          return now.length === 1 && now[0]!.id !== session!.id
        })
        // That one is gone: kicking it again must not meet the one that came after it.
        const [now] = await sessionsOf(world, one)
        await world.engine.kick(session!.id).catch(() => {})
        assert.deepEqual(await sessionsOf(world, one), [now])
      })
      await soon('nobody is there', async () => (await sessionsOf(world, one)).length === 0)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'a disk comes and goes while a session runs',
    async run(world) {
      const [first, second] = [await world.volume(8 * MIB), await world.volume(16 * MIB)]
      const one = target([{ volume: first }])
      const two = { ...target([{ volume: first }, { volume: second }]), iqn: one.iqn }
      await world.engine.apply(one)
      await connected(login(world, one), async (initiator) => {
        ok(await initiator.write(1, 0, 4096))
        await world.engine.apply(two)
        assert.equal(await capacity(login(world, one, { lun: 1 })), 16 * MIB)
        ok(await initiator.holds(1, 0, 4096))
        await world.engine.apply(one)
        await assert.rejects(capacity(login(world, one, { lun: 1 })))
        ok(await initiator.holds(1, 0, 4096))
      })
      if (world.isOpen) assert.equal(await world.isOpen(second), false)
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'who may no longer be there is put out, others are not',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }], { initiators: [MACHINE, STRANGER] })
      await world.engine.apply(one)
      const leaves = await Initiator.connect(login(world, one, { initiator: STRANGER }))
      await connected(login(world, one), async (stays) => {
        await world.engine.apply({ ...one, initiators: [MACHINE] })
        await soon('one is left', async () => (await sessionsOf(world, one)).length === 1)
        assert.equal((await sessionsOf(world, one))[0]!.initiator, MACHINE)
        ok(await stays.write(1, 0, 4096))
      })
      await leaves.kill()
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'withdraw ends sessions and closes the volumes',
    async run(world) {
      const volume = await world.volume(8 * MIB)
      const one = target([{ volume }])
      await world.engine.apply(one)
      const initiator = await Initiator.connect(login(world, one))
      ok(await initiator.write(1, 0, 4096))
      if (world.isOpen) assert.equal(await world.isOpen(volume), true)
      await world.engine.withdraw(one.iqn)
      assert.deepEqual(await sessionsOf(world, one), [])
      if (world.isOpen) assert.equal(await world.isOpen(volume), false)
      await initiator.kill()
    },
  },
  {
    name: 'after a restart everything is applied again, and an initiator goes on',
    async run(world) {
      const volume = await world.volume(8 * MIB)
      const one = target([{ volume }], { chap: CHAP })
      await world.engine.apply(one)
      const { user, secret } = CHAP
      await connected(login(world, one, { user, secret }), async (initiator) => {
        ok(await initiator.write(5, 0, 65_536))
        await world.restart()
        await world.engine.apply(one)
        ok(await initiator.holds(5, 0, 65_536))
        ok(await initiator.write(6, 0, 4096))
      })
      await world.engine.withdraw(one.iqn)
      assert.equal((await world.content(volume, 0, 1))[0], 6)
      assert.equal((await world.content(volume, 4096, 1))[0], 5)
    },
  },
  {
    name: 'what serves is killed and comes back by itself, with everything that was answered',
    async run(world) {
      if (!world.crash) return
      const volume = await world.volume(8 * MIB)
      const one = target([{ volume }], { chap: CHAP })
      await world.engine.apply(one)
      const { user, secret } = CHAP
      await connected(login(world, one, { user, secret }), async (initiator) => {
        ok(await initiator.write(5, 0, 65_536))
        await world.crash!()
        ok(await initiator.holds(5, 0, 65_536))
        assert.equal((await sessionsOf(world, one)).length, 1)
        assert.equal(await mayLogIn(login(world, one)), false)
      })
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'discovery shows the target to who may log in',
    async run(world) {
      const one = target([{ volume: await world.volume(8 * MIB) }])
      await world.engine.apply(one)
      const shown = await listed(login(world, one))
      assert.match(shown, new RegExp(`Target:${one.iqn.replaceAll('.', '\\.')} `))
      assert.match(shown, new RegExp(`Lun:${world.engine.firstLun ?? 0} +Type:DIRECT_ACCESS`))
      await world.engine.withdraw(one.iqn)
    },
  },
  {
    name: 'reads, writes, sizes and reservations pass the tests of libiscsi',
    async run(world) {
      const one = target([{ volume: await world.volume(32 * MIB) }], { initiators: null })
      await world.engine.apply(one)
      const suites = ['Read10', 'Write10', 'ReadCapacity16', 'TestUnitReady', 'ProutRegister']
      for (const tests of suites.map((suite) => `SCSI.${suite}.${world.isSlow ? 'Simple' : '*'}`)) {
        const { code, stdout, stderr } = await conform(login(world, one), tests)
        assert.equal(code, 0, stdout + stderr)
        // Suites, tests and assertions: total, ran, passed, failed.
        assert.match(stdout, /^ +tests +[1-9]\d* +[1-9]\d* +\d+ +0 /m, stdout)
      }
      await world.engine.withdraw(one.iqn)
    },
  },
]
