import type { Finding } from '../api/contract/server.ts'
import { BOOT_PROGRAMS, SIGNED_PROGRAMS } from '../boot/programs.ts'
import type { Config } from '../config/schema.ts'
import { Refusal } from '../kit/errors.ts'
import { DISK_PROGRAMS, judgeDisks } from './disks.ts'
import type { InterfaceFact, Probes } from './probes.ts'
import { judgePrograms, USES } from './programs.ts'
import {
  judgeBootFiles,
  judgeClock,
  judgeDirectory,
  judgeInterfaces,
  judgeLab,
  judgeOffers,
  judgePort,
  judgePrivileges,
  judgeSignedPrograms,
  wantedPorts,
} from './rules.ts'

/** A probe that could not look is a finding too, never the end of the others. */
async function look(check: string, findings: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await findings()
  } catch (error) {
    const found = `could not be looked at: ${error instanceof Error ? error.message : String(error)}`
    const next = (error instanceof Refusal ? error.next : undefined) ?? 'Run the doctor as root.'
    return [{ check, status: 'warning', found, next }]
  }
}

async function existing(paths: readonly string[], exists: (path: string) => Promise<boolean>): Promise<Set<string>> {
  const found = await Promise.all(paths.map(async (path) => ((await exists(path)) ? [path] : [])))
  return new Set(found.flat())
}

const OVMF = ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE.fd']

async function lab(config: Config, probes: Probes): Promise<Finding[]> {
  if (!config.lab.enabled) return []
  const [qemu, ip, uefi, device, acceleration, tun, capabilities] = await Promise.all([
    probes.program('qemu-system-x86_64'),
    probes.program('ip'),
    existing(OVMF, (path) => probes.readable(path)),
    probes.writable('/dev/kvm'),
    probes.acceleration(),
    probes.writable('/dev/net/tun'),
    probes.capabilities(),
  ])
  const admin = capabilities.has('CAP_NET_ADMIN')
  const kvm = acceleration === 'kvm' ? 'works' : device ? 'useless' : 'closed'
  return judgeLab(config, { qemu: qemu !== undefined, ip: ip !== undefined, uefi: uefi.size > 0, kvm, tun, admin })
}

async function optional(probes: Probes): Promise<Finding[]> {
  const names = USES.flatMap((use) => Object.keys(use.programs))
  const found = await Promise.all(names.map(async (name) => ((await probes.program(name)) === undefined ? [] : [name])))
  return judgePrograms(new Set(found.flat()))
}

const LIO = '/sys/kernel/config/target'

async function disks(config: Config, probes: Probes): Promise<Finding[]> {
  const found = await Promise.all(
    DISK_PROGRAMS.map(async (name) => ((await probes.program(name)) === undefined ? [] : [name])),
  )
  return judgeDisks(config, { programs: new Set(found.flat()), lio: await probes.readable(LIO) })
}

async function offers(config: Config, probes: Probes, interfaces: readonly InterfaceFact[]): Promise<Finding[]> {
  const { mode } = config.dhcp
  if (mode === 'off') return []
  const usable = interfaces.filter(
    ({ name, up, addresses }) => config.dhcp.interfaces.includes(name) && up && addresses.length > 0,
  )
  const own = interfaces.flatMap(({ addresses }) => addresses)
  const findings = await Promise.all(
    usable.map(({ name }) =>
      look(`other DHCP servers on ${name}`, async () => [judgeOffers(mode, name, await probes.dhcpServers(name), own)]),
    ),
  )
  return findings.flat()
}

/** Looks at everything a server with this configuration needs. Takes five seconds at most when DHCP is on; changes nothing. */
export async function examine(config: Config, probes: Probes): Promise<Finding[]> {
  const programs = BOOT_PROGRAMS.map(({ path }) => path)
  const signed = SIGNED_PROGRAMS.map(({ path }) => path)
  const findings = await Promise.all([
    look('ports', async () => {
      const held = await probes.heldPorts()
      return wantedPorts(config).map((wanted) => judgePort(wanted, held, probes.pid))
    }),
    look('privileges', async () => judgePrivileges(config, await probes.capabilities(), await probes.firstFreePort())),
    look('interfaces', async () => judgeInterfaces(config, await probes.interfaces())),
    look('other DHCP servers', async () => offers(config, probes, await probes.interfaces())),
    look('boot files', async () => judgeBootFiles(config, await existing(programs, (path) => probes.readable(path)))),
    look('boot files for Secure Boot', async () => [
      judgeSignedPrograms(await existing(signed, (path) => probes.readable(path))),
    ]),
    look('data directory', async () => judgeDirectory(config.dataDir, await probes.directory(config.dataDir))),
    look('volumes', () => disks(config, probes)),
    look('programs', () => optional(probes)),
    look('clock', async () => [judgeClock(probes.now(), await probes.synchronised())]),
    look('lab', () => lab(config, probes)),
  ])
  return findings.flat()
}
