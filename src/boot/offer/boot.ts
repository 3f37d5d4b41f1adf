import { formatIpv4, type Ipv4 } from '../../kit/ip.ts'
import type { Machine, Sighting } from '../../machines/machine.ts'
import type { DhcpMessage } from '../../protocols/dhcp/message.ts'
import { OPTION } from '../../protocols/dhcp/options.ts'
import { type BootRequest, decodeEncapsulated, IPXE_TAG } from '../../protocols/dhcp/pxe.ts'
import { BOOT_PATHS } from '../paths.ts'
import { type ClientArchitecture, clientArchitecture, loadsGrub } from '../programs.ts'

/** What a client is told to boot; `file` is a TFTP name or a URL. */
export type BootAnswer =
  | Readonly<{ file: string; http: boolean; reason: string }>
  | Readonly<{ file: null; reason: string }>

/** What a client that wants to boot gets, and why. `server` is the address for TFTP and HTTP. */
export function decideBoot(
  request: BootRequest,
  message: DhcpMessage,
  machine: Machine | undefined,
  facts: Readonly<{ unknownMachines: string; httpPort: number }>,
  server: Ipv4,
): BootAnswer {
  if (!machine && facts.unknownMachines === 'ignore')
    return { file: null, reason: 'the machine is unknown, and unknownMachines is set to ignore' }
  const base = `http://${formatIpv4(server)}:${facts.httpPort}`
  // Only a script ever goes to iPXE: a boot program would be iPXE again, and so on without end.
  if (request.ipxe && canHttp(message))
    return { file: base + BOOT_PATHS.start, http: true, reason: 'iPXE is running already and gets its script' }
  const known = knownArchitecture(request)
  const who = describeClient(request)
  if (!known) return { file: null, reason: `Reveille knows no boot program for ${who}` }
  if (loadsGrub(machine, known) && known.shim) {
    const why = known.program ? 'its boot loader is set to grub' : `Debian has no iPXE for ${known.name}`
    return { file: known.shim, http: false, reason: `${who} gets ${known.shim} over TFTP: ${why}` }
  }
  if (request.vendorClass === 'HTTPClient' && machine?.bootLoader === 'grub')
    return {
      file: null,
      reason:
        'its boot loader is set to grub, and GRUB as Debian signs it cannot go on after a start over HTTP: let its firmware boot by PXE',
    }
  if (!known.program) return { file: null, reason: `there is no boot program for ${known.name}` }
  if (request.vendorClass === 'HTTPClient')
    return {
      file: base + BOOT_PATHS.program(known.program),
      http: true,
      reason: `${who} gets ${known.program} over HTTP`,
    }
  return {
    file: known.program,
    http: false,
    reason: request.ipxe
      ? `this iPXE cannot do HTTP, so it gets ${known.program} over TFTP`
      : `${who} gets ${known.program} over TFTP`,
  }
}

function canHttp(message: DhcpMessage): boolean {
  const encapsulated = message.options.get(OPTION.ipxe.code)
  if (!encapsulated) return true
  const features = decodeEncapsulated(encapsulated)
  const listsCapabilities = [...features.keys()].some((tag) => tag >= IPXE_TAG.firstCapability)
  return !listsCapabilities || features.has(IPXE_TAG.http)
}

/** The first type that there is a program for, else the first that has a name. */
export function knownArchitecture(request: BootRequest): ClientArchitecture | undefined {
  const known = request.architectures.map(clientArchitecture).filter((each) => each !== undefined)
  return known.find((each) => each.program !== null) ?? known.find((each) => each.shim !== null) ?? known[0]
}

/** "x64 UEFI firmware", "iPXE on x86 BIOS", "client architecture 37": the client in words. */
export function describeClient(request: BootRequest): string {
  const known = knownArchitecture(request)
  const [number] = request.architectures
  const what =
    known?.name ?? (number === undefined ? 'firmware that names no architecture' : `client architecture ${number}`)
  return request.ipxe ? `iPXE on ${what}` : known ? `${what} firmware` : what
}

/** What firmware told of its machine. */
export function sightingOf(request: BootRequest, mac: Sighting['mac'], address: Ipv4 | null): Sighting {
  const known = knownArchitecture(request)
  return {
    mac,
    uuid: request.uuid,
    architecture: known?.architecture,
    firmware: known?.firmware,
    address: address === null ? undefined : formatIpv4(address),
  }
}
