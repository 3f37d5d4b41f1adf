import assert from 'node:assert/strict'
import { mkdir, open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ChunkStore } from '../../../src/images/chunk-store.ts'
import { SILENT } from '../../../src/kit/log.ts'
import { run, runOrFail } from '../../../src/processes/run.ts'
import { LioEngine } from '../../../src/volumes/drivers/lio/lio.ts'
import { LvmPool } from '../../../src/volumes/drivers/lvm/pool.ts'
import type { Chap, Target } from '../../../src/volumes/engine.ts'
import { DEFAULT_SCSI } from '../../../src/volumes/volume.ts'
import { Initiator } from '../../conformance/iscsi-clients.ts'
import type { Case } from './cases.ts'

const MIB = 2 ** 20
const ROOT = '/sys/kernel/config/target'
const PREFIX = 'iqn.2026-11.org.reveille.thin'
const MACHINE = `${PREFIX}:machine`
const CHAP: Chap = { user: 'machine', secret: 'abcdefghijklmn12' }
const VOLUME = 'v_thin'

/** LIO over thin volumes of LVM, and what a server that was killed leaves of both. Each case goes on from the one before. */
export async function thinCases(group: string): Promise<Case[]> {
  if ((await run('vgs', [group])).code !== 0) await runOrFail('vgcreate', ['-y', group, '/dev/vdb'])
  const listen = { host: '127.0.0.1', port: 3270 }
  const clock = { now: () => Date.now() }
  const openPool = () =>
    LvmPool.open({
      ...{ group, thinPool: 'reveille', refusePercent: 95, chunks: {} as ChunkStore },
      listOf: async () => undefined,
    })
  let pool = await openPool()
  const path = (volume: string, snapshot?: string) => pool.path(volume, snapshot)
  const startEngine = () => LioEngine.start({ listen, prefix: PREFIX, log: SILENT, clock, path })
  let engine = await startEngine()

  const target = (readOnly = false): Target => ({
    ...{ iqn: `${PREFIX}:disk`, initiators: [MACHINE], addresses: null, chap: CHAP },
    luns: [{ lun: 0, volume: VOLUME, readOnly, serial: VOLUME, scsi: DEFAULT_SCSI }],
  })
  const at = { ...listen, iqn: `${PREFIX}:disk`, lun: 0, initiator: MACHINE, user: CHAP.user, secret: CHAP.secret }
  const connected = async (work: (initiator: Initiator) => Promise<void>, readOnly = false) => {
    const initiator = await Initiator.connect(at, { readOnly })
    try {
      await work(initiator)
    } finally {
      await initiator.close()
    }
  }
  const ok = (problem: string | undefined) => assert.equal(problem, undefined)
  const names = async () => (await runOrFail('lvs', ['--noheadings', '-o', 'lv_name', group])).split(/\s+/)
  const isInUse = (error: { code?: string }) => error.code === 'in-use'

  return [
    {
      name: 'a volume can be changed as soon as its target was withdrawn',
      async run() {
        await pool.create(VOLUME, { bytes: 64 * MIB, base: null, limitBytes: null })
        await engine.apply(target())
        await connected(async (initiator) => ok(await initiator.write(7, 0, MIB)))
        await assert.rejects(pool.revert(VOLUME, null), isInUse)
        await engine.withdraw(target().iqn)
        await pool.revert(VOLUME, null)
        await engine.apply(target())
        await connected(async (initiator) => ok(await initiator.holds(0, 0, MIB)))
        await engine.withdraw(target().iqn)
      },
    },
    {
      name: 'who only looks at it, as udev does, is waited for; who has it is not',
      async run() {
        const looking = await open(await pool.path(VOLUME), 'r')
        setTimeout(() => void looking.close(), 300)
        await pool.revert(VOLUME, null)
        const having = await open(await pool.path(VOLUME), 'r')
        try {
          await assert.rejects(pool.revert(VOLUME, null), isInUse)
          await assert.rejects(pool.remove(VOLUME), isInUse)
        } finally {
          await having.close()
        }
      },
    },
    {
      name: 'one that took too much is for reading, and for writing when it may take more',
      async run() {
        await engine.apply(target())
        await connected(async (initiator) => ok(await initiator.write(5, 0, MIB)))
        await engine.apply(target(true))
        await assert.rejects(connected(async () => {}))
        await connected(async (initiator) => ok(await initiator.holds(5, 0, MIB)), true)
        await engine.apply(target())
        await connected(async (initiator) => ok(await initiator.write(6, 0, MIB)))
      },
    },
    {
      name: 'a session that is kicked again and again goes on',
      async run() {
        await connected(async (initiator) => {
          for (let i = 1; i <= 5; i++) {
            const [session] = await engine.sessions()
            if (session) await engine.kick(session.id)
            ok(await initiator.write(i, 0, MIB))
          }
        })
      },
    },
    {
      name: 'a killed server leaves targets, half-made ones and half-made volumes: the next one puts all right',
      async run() {
        const hba = (await readdir(join(ROOT, 'core'))).find((name) => name.startsWith('iblock_'))!
        await connected(async (initiator) => {
          ok(await initiator.write(9, 0, MIB))
          // Half-made: a target without a group, one without its disk and not switched on, a disk that was not opened.
          const half = join(ROOT, 'iscsi', `${PREFIX}:half`, 'tpgt_1')
          await mkdir(join(ROOT, 'iscsi', `${PREFIX}:none`))
          await mkdir(join(half, 'lun/lun_0'), { recursive: true })
          await mkdir(join(half, 'acls', MACHINE), { recursive: true })
          await mkdir(join(half, 'np/127.0.0.1:3271'))
          await mkdir(join(ROOT, 'core', hba, 'v_half'))
          const tags = ['--addtag', 'reveille', '--addtag', `reveille:volume=${VOLUME}`]
          const making = ['-V', '8m', '-T', `${group}/reveille`, '-n', 'rvt.rv.v.thin']
          await runOrFail('lvcreate', ['-qq', '-y', ...making, ...tags])
          // The old server is simply not spoken to again. Its target serves on.
          pool = await openPool()
          assert.deepEqual(
            (await names()).filter((name) => name.startsWith('rv')),
            ['rv.v.thin'],
          )
          engine = await startEngine()
          const left = await readdir(join(ROOT, 'iscsi'))
          assert.deepEqual(
            left.filter((name) => name.startsWith(PREFIX)),
            [],
          )
          await engine.apply(target())
          ok(await initiator.holds(9, 0, MIB))
        })
        await engine.stop()
        await pool.remove(VOLUME)
        await pool.close()
      },
    },
  ]
}
