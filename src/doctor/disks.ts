import type { Finding } from '../api/contract/server.ts'
import type { Config } from '../config/schema.ts'

/** What serving volumes takes, as the probes saw it. */
export type DiskFacts = Readonly<{
  /** Programs that were found. */
  programs: ReadonlySet<string>
  /** Whether the kernel shows its target in configfs. */
  lio: boolean
}>

export function iscsiIsOn({ iscsi }: Config): boolean {
  return iscsi.enabled ?? true
}

/** Programs that an engine or a pool runs, with the package each comes in. */
const ENGINE_PROGRAMS = { builtin: [], tgt: ['tgtd', 'tgtadm'], lio: [] } as const
const POOL_PROGRAMS = { file: [], lvm: ['lvm'] } as const
const PACKAGES: Readonly<Record<string, string>> = { tgtd: 'tgt', tgtadm: 'tgt', lvm: 'lvm2' }

export const DISK_PROGRAMS = Object.keys(PACKAGES)

function judgePrograms(check: string, needed: readonly string[], has: ReadonlySet<string>): Finding {
  const missing = needed.filter((name) => !has.has(name))
  if (missing.length === 0)
    return { check, status: 'ok', found: needed.length === 0 ? 'built in' : 'is there', next: null }
  const packages = [...new Set(missing.map((name) => PACKAGES[name] ?? name))].join(' ')
  return {
    check,
    status: 'failed',
    found: `missing: ${missing.join(', ')}`,
    next: `Install them: apt-get install --no-install-recommends ${packages}`,
  }
}

export function judgeDisks(config: Config, { programs, lio }: DiskFacts): Finding[] {
  if (!iscsiIsOn(config)) return []
  const { engine } = config.iscsi
  const check = `iSCSI engine ${engine}`
  const serving: Finding =
    engine !== 'lio'
      ? judgePrograms(check, ENGINE_PROGRAMS[engine], programs)
      : lio
        ? { check, status: 'ok', found: "the kernel's target is there", next: null }
        : {
            check,
            status: 'warning',
            found: "the kernel's target is not there yet (/sys/kernel/config/target)",
            next: 'Run as root; then: modprobe -a configfs target_core_mod iscsi_target_mod',
          }
  const { pool } = config.volumes
  return [serving, judgePrograms(`pool of volumes (${pool})`, POOL_PROGRAMS[pool], programs)]
}
