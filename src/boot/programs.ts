import type { Architecture, Firmware, Machine } from '../machines/machine.ts'

/** A boot program ("NBP") that firmware loads first. The offer advertises its name, the loader serves the file behind it. */
export type BootProgram = Readonly<{
  name: string
  /** Where Debian's packages put it. */
  path: string
  package: string
}>

export const BOOT_PROGRAMS: readonly BootProgram[] = [
  { name: 'undionly.kpxe', path: '/usr/lib/ipxe/undionly.kpxe', package: 'ipxe' },
  { name: 'snponly.efi', path: '/usr/lib/ipxe/snponly.efi', package: 'ipxe' },
  { name: 'ipxe.efi', path: '/usr/lib/ipxe/ipxe.efi', package: 'ipxe' },
]

/**
 * shim, which Microsoft signed, and GRUB, which Debian signed: for Secure Boot, and for processors that Debian has no iPXE for. shim
 * asks for GRUB beside itself.
 */
export const SIGNED_PROGRAMS: readonly BootProgram[] = [
  { name: 'debian/shimx64.efi', path: '/usr/lib/shim/shimx64.efi.signed', package: 'shim-signed' },
  {
    name: 'debian/grubx64.efi',
    path: '/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed',
    package: 'grub-efi-amd64-signed',
  },
  { name: 'debian/shimaa64.efi', path: '/usr/lib/shim/shimaa64.efi.signed', package: 'shim-signed:arm64' },
  {
    name: 'debian/grubaa64.efi',
    path: '/usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed',
    package: 'grub-efi-arm64-signed:arm64',
  },
]

/** The packages for x86, as a command installs them. */
export const SIGNED_PACKAGES = 'shim-signed grub-efi-amd64-signed'

/** What a client architecture number means (RFC 4578 §2.1 and IANA's "Processor Architecture Types"). */
export type ClientArchitecture = Readonly<{
  number: number
  name: string
  firmware: Firmware
  architecture: Architecture
  /** It wants a URL instead of a TFTP file name. */
  http: boolean
  /** The program we offer; `null` when Debian packages none for it. */
  program: string | null
  /** The shim for it, by TFTP only: GRUB as Debian signs it speaks nothing else. */
  shim: string | null
}>

export const CLIENT_ARCHITECTURES: readonly ClientArchitecture[] = [
  {
    number: 0,
    name: 'x86 BIOS',
    firmware: 'bios',
    architecture: 'x86_64',
    http: false,
    program: 'undionly.kpxe',
    shim: null,
  },
  { number: 6, name: 'x86 UEFI', firmware: 'uefi', architecture: 'x86', http: false, program: null, shim: null },
  {
    number: 7,
    name: 'x64 UEFI',
    firmware: 'uefi',
    architecture: 'x86_64',
    http: false,
    program: 'snponly.efi',
    shim: 'debian/shimx64.efi',
  },
  {
    number: 9,
    name: 'EBC UEFI',
    firmware: 'uefi',
    architecture: 'x86_64',
    http: false,
    program: 'snponly.efi',
    shim: 'debian/shimx64.efi',
  },
  {
    number: 11,
    name: 'ARM 64-bit UEFI',
    firmware: 'uefi',
    architecture: 'arm64',
    http: false,
    program: null,
    shim: 'debian/shimaa64.efi',
  },
  {
    number: 15,
    name: 'x86 UEFI over HTTP',
    firmware: 'uefi',
    architecture: 'x86',
    http: true,
    program: null,
    shim: null,
  },
  {
    number: 16,
    name: 'x64 UEFI over HTTP',
    firmware: 'uefi',
    architecture: 'x86_64',
    http: true,
    program: 'ipxe.efi',
    shim: null,
  },
  {
    number: 19,
    name: 'ARM 64-bit UEFI over HTTP',
    firmware: 'uefi',
    architecture: 'arm64',
    http: true,
    program: null,
    shim: null,
  },
]

export function clientArchitecture(number: number): ClientArchitecture | undefined {
  return CLIENT_ARCHITECTURES.find((architecture) => architecture.number === number)
}

/** Whether this machine is given GRUB, as far as it is known what it is. */
export function isGivenGrub(machine: Pick<Machine, 'bootLoader' | 'firmware' | 'architecture'>): boolean {
  const known = CLIENT_ARCHITECTURES.find(
    ({ firmware, architecture, http }) =>
      !http && firmware === machine.firmware && architecture === machine.architecture,
  )
  return known ? loadsGrub(machine, known) : machine.bootLoader === 'grub'
}

/** Whether a machine loads GRUB and not iPXE, by what was chosen for it and what there is for what it is. */
export function loadsGrub(
  machine: Pick<Machine, 'bootLoader'> | undefined,
  { program, shim }: Pick<ClientArchitecture, 'program' | 'shim'>,
): boolean {
  const wanted = machine?.bootLoader ?? 'auto'
  return shim !== null && (wanted === 'grub' || (wanted === 'auto' && program === null))
}
