import { execFile } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveDisks } from '../../src/boot/disk/serve.ts'
import { SILENT } from '../../src/kit/log.ts'
import { MemoryDisk } from '../fakes/memory-disk.ts'

const IQN = 'iqn.2026-01.test:conformance'
const SCSI = { vendor: 'REVEILLE', product: 'VOLUME', revision: '1' }

let served: Awaited<ReturnType<typeof serveDisks>>
let suites: string[]

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
  const { output } = await run('iscsi-test-cu', ['--list'])
  suites = output.split('\n').flatMap((line) => /^\s*((?:SCSI|iSCSI)\.\w+)\s*$/.exec(line)?.[1] ?? [])
})

afterAll(() => served?.stop())

const url = (name: string, who = '') => `iscsi://${who}127.0.0.1:${served.port}/${IQN}.${name}/0`

function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ output: string; failed: boolean }> {
  return new Promise((resolve) => {
    const options = { timeout: 90_000, maxBuffer: 512 * 1024 * 1024, env: { ...process.env, ...environment } }
    execFile(program, args, options, (error, stdout, stderr) =>
      resolve({ output: stdout + stderr, failed: error !== null }),
    )
  })
}

type Counts = { passed: string[]; skipped: string[]; failed: string[] }

/** Verify to their end, although one of the commands that they expect to be refused is reported as "not implemented" on the way. */
const VERIFIED = [
  'SCSI.ReportSupportedOpcodes.OneCommand',
  'SCSI.WriteSame10.ZeroBlocks',
  'SCSI.WriteSame16.ZeroBlocks',
]

/** Runs one suite in a process of its own: one run of all of them makes iscsi-test-cu spin for ever. */
async function runSuite(suite: string, urls: readonly string[], counts: Counts): Promise<void> {
  const { output } = await run('iscsi-test-cu', ['--dataloss', '-V', '-t', suite, ...urls])
  const parts = output.split(/^\s*Test: /m).slice(1)
  expect(parts.length, `${suite}: ${output.slice(-500)}`).toBeGreaterThan(0)
  expect(output, suite).toContain('Run Summary')
  for (const part of parts) {
    const name = `${suite}.${/^\S+/.exec(part)![0]}`
    if (/^FAILED/m.test(part)) counts.failed.push(name)
    else if (part.includes('[SKIPPED]') && !VERIFIED.includes(name)) counts.skipped.push(name)
    else counts.passed.push(name)
  }
}

test('iscsi-test-cu passes, but for what is not there and for one test that no target passes', async () => {
  const counts: Counts = { passed: [], skipped: [], failed: [] }
  for (const suite of suites)
    if (suite !== 'SCSI.MultipathIO' && suite !== 'SCSI.ReadOnly') await runSuite(suite, [url('writable')], counts)
  await runSuite('SCSI.ReadOnly', [url('read-only')], counts)
  // Needs two paths, and a disk that nobody wrote to: it takes block 256 for zeros.
  await runSuite('ALL.MultipathIO', [url('paths'), url('paths')], counts)
  console.log(`passed ${counts.passed.length}, skipped ${counts.skipped.length}, failed ${counts.failed.join(' ')}`)
  // Asks for the status of block i + 1 and expects a descriptor that begins at i + 8, for a physical block has 8; by SBC-4 the first descriptor
  // begins at the block that was asked for. tgt fails it too.
  expect(counts.failed).toEqual(['SCSI.GetLBAStatus.UnmapSingle'])
  // EXTENDED COPY, sanitizing and removable media are not offered; atomic writes could not be kept through a loss of power.
  const families = new Set(counts.skipped.map((name) => name.split('.')[1]))
  expect([...families].sort()).toEqual(SKIPPED)
  expect(counts.passed.length).toBeGreaterThanOrEqual(192)
}, 900_000)

const SKIPPED = [
  'ExtendedCopy',
  'NoMedia',
  'PreventAllow',
  'ReceiveCopyResults',
  'Sanitize',
  'StartStopUnit',
  'WriteAtomic16',
]

test('CHAP with libiscsi, one-way and mutual: right secrets come in, wrong ones do not', async () => {
  const inquire = (who: string, secret?: string) =>
    run(
      'iscsi-inq',
      [url('chap', who)],
      secret === undefined ? {} : { LIBISCSI_CHAP_TARGET_USERNAME: 'disk', LIBISCSI_CHAP_TARGET_PASSWORD: secret },
    )
  expect((await inquire('anna%secret123456@')).output).toContain('REVEILLE')
  expect((await inquire('anna%secret123456@', 'other7654321')).output).toContain('REVEILLE')
  expect((await inquire('anna%secret123456@', 'other7654322')).output).not.toContain('REVEILLE')
  expect((await inquire('anna%secret123457@')).output).toContain('Authentication failure')
  expect((await inquire('')).output).toContain('Authentication failure')
})

test('header digests with libiscsi: an image that qemu-img writes is the one it reads', async () => {
  const plain = url('writable')
  const { failed } = await run('qemu-io', ['-f', 'raw', '-c', 'write -P 0x5a 1M 8M', '-c', 'flush', plain])
  expect(failed).toBe(false)
  const { output } = await run('qemu-io', ['-f', 'raw', '-c', 'read -P 0x5a 1M 8M', plain])
  expect(output).toContain('read 8388608/8388608')
  expect(output).not.toContain('failed')
  expect((await run('iscsi-inq', [`${plain}?header_digest=crc32c`])).output).toContain('REVEILLE')
})
