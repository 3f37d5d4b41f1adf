import { createSecretKey } from 'node:crypto'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Profile } from '../../profiles/profile.ts'
import type { TraceRecorder } from '../../traces/trace.ts'
import type { DiskDesk } from '../../volumes/boot-disks.ts'
import { openGrant } from '../capability.ts'
import type { BootHandler, BootTarget } from '../http.ts'
import { BOOT_PATHS } from '../paths.ts'
import { decideFile, type FileDecision } from './decide.ts'

export type ConfigureStageDependencies = Readonly<{
  machines: {
    get(id: string): Machine | undefined
    launched(id: string, nextBootId: string | null): Promise<void>
  }
  profiles: { get(name: string): Profile | undefined }
  /** Tells what the boot script told of its disks. */
  disks?: Pick<DiskDesk, 'preview'> | undefined
  traces: TraceRecorder
  /** The key of the script stage, which seals the capabilities. */
  key: Uint8Array
  clock: Clock
  log: Log
}>

const FILES = BOOT_PATHS.files('')

/**
 * Stage 6: "what am I to become?". Gives the profile's files to the boot whose capability the URL holds. Such a request also
 * proves that the boot was launched, should the report have been lost.
 */
export function serveConfigure(dependencies: ConfigureStageDependencies): BootHandler {
  const { machines, profiles, disks: desk, traces, clock, log } = dependencies
  const key = createSecretKey(dependencies.key)
  const facts = {
    machine: (id: string) => machines.get(id),
    profile: (name: string) => profiles.get(name),
  }
  const disksAt =
    ({ base, client }: BootTarget) =>
    (machine: Machine, profile: Profile) => {
      if (!('disks' in profile) || profile.disks.length === 0) return undefined
      const host = new URL(base).hostname
      const answer = desk?.preview({ machine: machine.id, profile, host, address: client })
      return answer?.outcome === 'disks' ? answer.disks : undefined
    }

  const decide = (target: BootTarget): { name: string; decision: FileDecision } => {
    const [capability = '', ...rest] = target.path.slice(FILES.length).split('/')
    const name = rest.join('/')
    const grant = openGrant(capability, 'file', key, clock.now())
    return {
      name,
      decision: decideFile({ name, capability, grant, base: target.base }, { ...facts, disks: disksAt(target) }),
    }
  }

  return (request, response, target) => {
    if (!target.path.startsWith(FILES)) return false
    const reads = request.method === 'GET' || request.method === 'HEAD'
    const { name, decision } = decide(target)
    const { status, reason, grant } = decision
    const body = status === 200 ? decision.content : `${sentence(reason)} ${sentence(decision.next)}\n`
    const bytes = Buffer.byteLength(body)
    response.writeHead(reads ? status : 405, {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': reads ? bytes : 0,
      'cache-control': 'no-store',
      ...(reads ? {} : { allow: 'GET, HEAD' }),
    })
    response.end(request.method === 'GET' ? body : undefined)
    if (request.method !== 'GET') return true
    traces.record(
      { mac: grant?.mac, address: target.client },
      {
        kind: 'http.file',
        stage: 'system',
        outcome: status === 200 ? 'ok' : 'refused',
        summary: `the booted system asked for the file ${printable(name)}`,
        reason,
        detail: { file: printable(name), status },
        ...(status === 200 ? { bytes } : {}),
      },
    )
    if (status === 200)
      machines.launched(decision.grant.machine, decision.grant.once).catch((error: unknown) => {
        log.error({ machine: decision.grant.machine, error: String(error) }, 'a launch could not be saved')
      })
    return true
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100)
}
