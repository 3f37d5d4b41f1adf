import { execFile } from 'node:child_process'

const SUITE_MS = 90_000
const MOST_BYTES = 512 * 1024 * 1024

/** Tests of iscsi-test-cu by their full names. */
export type SuiteCounts = { passed: string[]; skipped: string[]; failed: string[] }

/** Verify to their end, although one of the commands that they expect to be refused is reported as "not implemented" on the way. */
const VERIFIED = [
  'SCSI.ReportSupportedOpcodes.OneCommand',
  'SCSI.WriteSame10.ZeroBlocks',
  'SCSI.WriteSame16.ZeroBlocks',
]

/** Disks by what is done to them: all are at the disposal of the suites. */
export type SuiteDisks = Readonly<{ writable: string; readOnly: string; paths: string }>

/**
 * Runs all suites of iscsi-test-cu against URLs of a target, each in a process of its own: one run of all of them makes it spin for ever. What is
 * wrong with a whole suite (it does not end, it cannot log in) is a failed test with the name of the suite.
 */
export async function libiscsiSuites(disks: SuiteDisks, suiteMs = SUITE_MS): Promise<SuiteCounts> {
  const counts: SuiteCounts = { passed: [], skipped: [], failed: [] }
  const output = await libiscsi(['--list'], suiteMs)
  const suites = output.split('\n').flatMap((line) => /^\s*((?:SCSI|iSCSI)\.\w+)\s*$/.exec(line)?.[1] ?? [])
  for (const suite of suites)
    if (suite !== 'SCSI.MultipathIO' && suite !== 'SCSI.ReadOnly') await one(suite, [disks.writable], counts, suiteMs)
  await one('SCSI.ReadOnly', [disks.readOnly], counts, suiteMs)
  // Needs two paths, and a disk that nobody wrote to: it takes block 256 for zeros.
  await one('ALL.MultipathIO', [disks.paths, disks.paths], counts, suiteMs)
  return counts
}

async function one(suite: string, urls: readonly string[], counts: SuiteCounts, suiteMs: number): Promise<void> {
  const output = await libiscsi(['--dataloss', '-V', '-t', suite, ...urls], suiteMs)
  const parts = output.split(/^\s*Test: /m).slice(1)
  if (parts.length === 0 || !output.includes('Run Summary')) counts.failed.push(suite)
  for (const part of parts) {
    const name = `${suite}.${/^\S+/.exec(part)![0]}`
    if (/^FAILED/m.test(part)) counts.failed.push(name)
    else if (part.includes('[SKIPPED]') && !VERIFIED.includes(name)) counts.skipped.push(name)
    else counts.passed.push(name)
  }
}

function libiscsi(args: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout, maxBuffer: MOST_BYTES }
    execFile('iscsi-test-cu', args, options, (_, stdout, stderr) => resolve(stdout + stderr))
  })
}
