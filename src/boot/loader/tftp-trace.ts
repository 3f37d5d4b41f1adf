import type { TftpTerms } from '../../protocols/tftp/negotiate.ts'
import type { TransferEnd } from '../../protocols/tftp/transfer.ts'
import type { TraceKind } from '../../traces/kinds.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import type { LoaderFile } from './file.ts'

type Recorder = Pick<TraceRecorder, 'record'>
type Who = Readonly<{ client: string; name: string; told?: LoaderFile['told'] }>

const READ = 'tftp.read' satisfies TraceKind
const DONE = 'tftp.done' satisfies TraceKind

/** A transfer began, or (with `end`) it was over before it began. */
export function traceRead(trace: Recorder, { client, name, told }: Who, terms: TftpTerms, end?: TransferEnd): void {
  if (told) return
  const { blksize, windowsize, size } = terms
  const probe = end?.outcome === 'probe'
  trace.record(
    { address: client },
    {
      stage: 'loader',
      kind: READ,
      outcome: 'ok',
      summary: probe ? `it asked for the size of ${name} over TFTP` : `it asked for ${name} over TFTP`,
      reason: probe
        ? 'it ended the transfer before the first block, as firmware does to learn the size'
        : `a boot program of ${size} bytes, in blocks of ${blksize}${windowsize > 1 ? `, ${windowsize} at a time` : ''}`,
      detail: { file: name, blksize, windowsize, size, probe },
    },
  )
}

export function traceDone(
  trace: Recorder,
  who: Who,
  terms: TftpTerms,
  result: Readonly<{ end: TransferEnd; bytes: number; retransmits: number; durationMs: number }>,
): void {
  const { blksize, windowsize, size } = terms
  const { end, bytes, retransmits, durationMs } = result
  const complete = end.outcome === 'complete'
  if (who.told === 'nothing') return
  if (who.told) {
    const { name: file, role, image } = who.told
    trace.record(
      { address: who.client },
      {
        stage: 'fetch',
        kind: 'http.blob',
        outcome: complete ? 'ok' : 'failed',
        summary: `it asked for ${role} ${file} over TFTP`,
        reason: complete ? `all ${bytes} bytes were sent` : end.reason,
        detail: { file, role, image, over: 'tftp', blksize, retransmits, complete },
        bytes,
        durationMs: Math.round(durationMs * 10) / 10,
      },
    )
    return
  }
  trace.record(
    { address: who.client },
    {
      stage: 'loader',
      kind: DONE,
      outcome: complete ? 'ok' : 'failed',
      summary: complete ? `it has all of ${who.name}` : `it did not get all of ${who.name}: ${bytes} of ${size} bytes`,
      reason: end.reason,
      detail: {
        file: who.name,
        blksize,
        windowsize,
        retransmits,
        ...(complete ? {} : { error: end.reason }),
      },
      bytes,
      durationMs: Math.round(durationMs * 10) / 10,
    },
  )
}

/** A request was answered with an error. What the client named is shown, shortened and without odd characters. */
export function traceRefused(trace: Recorder, client: string, filename: string, reason: string): void {
  const file = filename.replace(/[^\x20-\x7e]/g, '?').slice(0, 128)
  trace.record(
    { address: client },
    {
      stage: 'loader',
      kind: READ,
      outcome: 'refused',
      summary: `it asked for ${file} over TFTP`,
      reason,
      detail: { file },
    },
  )
}
