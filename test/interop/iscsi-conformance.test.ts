import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveDisks } from '../../src/boot/disk/serve.ts'
import { serveDisks as serveVolumes } from '../../src/compose/disk-workers.ts'
import { FileChunks } from '../../src/images/drivers/chunk-files.ts'
import { SILENT } from '../../src/kit/log.ts'
import { run } from '../../src/processes/run.ts'
import { libiscsiSuites } from '../conformance/libiscsi-suites.ts'
import { MemoryDisk } from '../fakes/memory-disk.ts'

const IQN = 'iqn.2026-01.test:conformance'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }

let served: Awaited<ReturnType<typeof serveDisks>>

beforeAll(async () => {
  served = await serveDisks({
    host: '127.0.0.1',
    port: 0,
    log: SILENT,
    openLun: async (lun) => new MemoryDisk(256 * 1024 * 1024, lun.readOnly),
    report() {},
  })
  const chap = { user: 'anna', secret: 'secret123456', mutual: { user: 'disk', secret: 'other7654321' } }
  for (const [name, readOnly, proof] of [
    ['writable', false, null],
    ['paths', false, null],
    ['read-only', true, null],
    ['chap', false, chap],
  ] as const) {
    const luns = [{ lun: 0, volume: name, readOnly, serial: `v_${name}`, scsi: SCSI }]
    await served.apply({ iqn: `${IQN}.${name}`, initiators: null, addresses: null, chap: proof, luns })
  }
})

afterAll(() => served?.stop())

const url = (name: string, who = '') => `iscsi://${who}127.0.0.1:${served.port}/${IQN}.${name}/0`

/** Sees that the suites pass, but for what is not there and for one test that no target passes. */
async function suitesPass(url: (name: string) => string): Promise<void> {
  const disks = { writable: url('writable'), readOnly: url('read-only'), paths: url('paths') }
  const counts = await libiscsiSuites(disks)
  console.log(`passed ${counts.passed.length}, skipped ${counts.skipped.length}, failed ${counts.failed.join(' ')}`)
  // Asks for the status of block i + 1 and expects a descriptor that begins at i + 8, for a physical block has 8; by SBC-4 the first descriptor
  // begins at the block that was asked for. tgt fails it too. Reporting physical blocks of one would pass it, and let systems write less than the
  // 4 KiB that disks are kept by.
  expect(counts.failed).toEqual(['SCSI.GetLBAStatus.UnmapSingle'])
  // Sanitizing and removable media are not offered; atomic writes could not be kept through a loss of power.
  const families = new Set(counts.skipped.map((name) => name.split('.')[1]))
  expect([...families].sort()).toEqual(SKIPPED)
  expect(counts.passed.length).toBeGreaterThanOrEqual(200)
}

test('iscsi-test-cu passes over disks in memory', () => suitesPass(url), 900_000)

test.runIf(process.env.REVEILLE_SOAK)(
  'iscsi-test-cu passes over volumes in files, served by workers',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'reveille-iscsi-conformance-'))
    const { pool, engine, stop } = await serveVolumes({
      ...{ dataDir, listen: { host: '127.0.0.1', port: 0 }, workers: 2, cacheGiB: 1 },
      ...{ chunks: await FileChunks.open(join(dataDir, 'chunks')), listOf: async () => undefined },
      ...{ log: SILENT, report() {} },
    })
    for (const name of ['writable', 'paths', 'read-only']) {
      const volume = `v_${name}`
      await pool.create(volume, { bytes: 256 * 1024 * 1024, base: null, limitBytes: null })
      const luns = [{ lun: 0, volume, readOnly: name === 'read-only', serial: volume, scsi: SCSI }]
      await engine.apply({ iqn: `${IQN}.${name}`, initiators: null, addresses: null, chap: null, luns })
    }
    await suitesPass((name) => `iscsi://127.0.0.1:${engine.portal.port}/${IQN}.${name}/0`)
    await stop()
    await rm(dataDir, { recursive: true })
  },
  900_000,
)

const SKIPPED = ['NoMedia', 'PreventAllow', 'Sanitize', 'StartStopUnit', 'WriteAtomic16']

test('CHAP with libiscsi, one-way and mutual: right secrets come in, wrong ones do not', async () => {
  const inquire = async (who: string, secret?: string) => {
    const proof = { LIBISCSI_CHAP_TARGET_USERNAME: 'disk', LIBISCSI_CHAP_TARGET_PASSWORD: secret ?? '' }
    const { stdout, stderr } = await run('iscsi-inq', [url('chap', who)], secret === undefined ? {} : { env: proof })
    return stdout + stderr
  }
  expect(await inquire('anna%secret123456@')).toContain('REVEILLE')
  expect(await inquire('anna%secret123456@', 'other7654321')).toContain('REVEILLE')
  expect(await inquire('anna%secret123456@', 'other7654322')).not.toContain('REVEILLE')
  expect(await inquire('anna%secret123457@')).toContain('Authentication failure')
  expect(await inquire('')).toContain('Authentication failure')
})

test('header digests with libiscsi: an image that qemu-img writes is the one it reads', async () => {
  const plain = url('writable')
  expect((await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x5a 1M 8M', '-c', 'flush', plain])).code).toBe(0)
  const { stdout } = await run('qemu-io', ['-f', 'raw', '-c', 'read -P 0x5a 1M 8M', plain])
  expect(stdout).toContain('read 8388608/8388608')
  expect(stdout).not.toContain('failed')
  expect((await run('iscsi-inq', [`${plain}?header_digest=crc32c`])).stdout).toContain('REVEILLE')
})
