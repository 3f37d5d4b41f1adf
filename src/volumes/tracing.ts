import type { Machine } from '../machines/machine.ts'
import type { TraceRecorder } from '../traces/trace.ts'
import type { Attachment } from './attachment.ts'
import type { DiskNote } from './diskless.ts'
import type { LoginReport } from './engine.ts'

type FindMachine = (id: string) => Machine | undefined

/** What becomes of the disks of a boot, told in its trace. */
export function traceDisks(traces: TraceRecorder, find: FindMachine): (machine: string, note: DiskNote) => void {
  return (id, { outcome, profile, summary, reason }) => {
    const mac = find(id)?.macs[0]
    if (!mac) return
    const kind = outcome === 'ok' ? 'disk.ready' : 'disk.refused'
    traces.record({ mac }, { kind, stage: 'script', outcome, summary, reason, detail: { profile } })
  }
}

const SUMMARY: Record<LoginReport['outcome'], string> = {
  accepted: 'it is logged in to its disks',
  refused: 'it may not log in to its disks',
  ended: 'its session with its disks is over',
}

/** Logins of machines to their disks, told in the traces of their boots. */
export function traceLogins(
  traces: TraceRecorder,
  find: FindMachine,
): (report: LoginReport, attachment: Attachment | undefined) => void {
  return ({ outcome, initiator, address, detail, target }, attachment) => {
    if (attachment?.for.kind !== 'boot') return
    const mac = find(attachment.for.machine)?.macs[0]
    if (!mac) return
    traces.record(
      { mac, address },
      {
        kind: outcome === 'ended' ? 'disk.logout' : 'disk.login',
        stage: 'fetch',
        outcome: outcome === 'refused' ? 'refused' : 'ok',
        summary: SUMMARY[outcome],
        reason: detail || `${initiator} at ${address}`,
        detail: { target, initiator },
      },
    )
  }
}
