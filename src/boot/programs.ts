import type { Architecture, Firmware } from '../machines/machine.ts'

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
}>

export const CLIENT_ARCHITECTURES: readonly ClientArchitecture[] = [
  { number: 0, name: 'x86 BIOS', firmware: 'bios', architecture: 'x86_64', http: false, program: 'undionly.kpxe' },
  { number: 6, name: 'x86 UEFI', firmware: 'uefi', architecture: 'x86', http: false, program: null },
  { number: 7, name: 'x64 UEFI', firmware: 'uefi', architecture: 'x86_64', http: false, program: 'snponly.efi' },
  { number: 9, name: 'EBC UEFI', firmware: 'uefi', architecture: 'x86_64', http: false, program: 'snponly.efi' },
  { number: 11, name: 'ARM 64-bit UEFI', firmware: 'uefi', architecture: 'arm64', http: false, program: null },
  { number: 15, name: 'x86 UEFI over HTTP', firmware: 'uefi', architecture: 'x86', http: true, program: null },
  { number: 16, name: 'x64 UEFI over HTTP', firmware: 'uefi', architecture: 'x86_64', http: true, program: 'ipxe.efi' },
  { number: 19, name: 'ARM 64-bit UEFI over HTTP', firmware: 'uefi', architecture: 'arm64', http: true, program: null },
]

export function clientArchitecture(number: number): ClientArchitecture | undefined {
  return CLIENT_ARCHITECTURES.find((architecture) => architecture.number === number)
}
