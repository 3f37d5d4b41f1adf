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
 * wrong with a whole suite (it does not end, it cannot log in) is a failed test with the name of the suite. `within`: what to put before a command.
 */
export async function libiscsiSuites(
  disks: SuiteDisks,
  { suiteMs = SUITE_MS, within = [] }: Readonly<{ suiteMs?: number; within?: readonly string[] }> = {},
): Promise<SuiteCounts> {
  const counts: SuiteCounts = { passed: [], skipped: [], failed: [] }
  const libiscsi = (...args: string[]) => output([...within, 'iscsi-test-cu', ...args], suiteMs)
  const listed = await libiscsi('--list')
  const suites = listed.split('\n').flatMap((line) => /^\s*((?:SCSI|iSCSI)\.\w+)\s*$/.exec(line)?.[1] ?? [])
  const one = async (suite: string, ...urls: readonly string[]) => {
    const said = await libiscsi('--dataloss', '-V', '-t', suite, ...urls)
    const parts = said.split(/^\s*Test: /m).slice(1)
    if (parts.length === 0 || !said.includes('Run Summary')) counts.failed.push(suite)
    for (const part of parts) {
      const name = `${suite}.${/^\S+/.exec(part)![0]}`
      if (/^FAILED/m.test(part)) counts.failed.push(name)
      else if (part.includes('[SKIPPED]') && !VERIFIED.includes(name)) counts.skipped.push(name)
      else counts.passed.push(name)
    }
  }
  for (const suite of suites)
    if (suite !== 'SCSI.MultipathIO' && suite !== 'SCSI.ReadOnly') await one(suite, disks.writable)
  await one('SCSI.ReadOnly', disks.readOnly)
  // Needs two paths, and a disk that nobody wrote to: it takes block 256 for zeros.
  await one('ALL.MultipathIO', disks.paths, disks.paths)
  return counts
}

function output([program = '', ...args]: readonly string[], timeout: number): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout, maxBuffer: MOST_BYTES }
    execFile(program, args, options, (_, stdout, stderr) => resolve(stdout + stderr))
  })
}
