import type { Mac } from '../kit/mac.ts'

export const MACHINE_STATES = [
  'discovered',
  'ready',
  'deploying',
  'active',
  'failed',
  'maintenance',
  'retired',
] as const
export type MachineState = (typeof MACHINE_STATES)[number]

export const FIRMWARES = ['bios', 'uefi'] as const
export type Firmware = (typeof FIRMWARES)[number]

/**
 * What firmware is given to load first. `ipxe`: iPXE, which firmware refuses while Secure Boot is on. `grub`: shim and GRUB as Debian
 * signed them, by TFTP. `auto`: iPXE where there is one for the machine, else GRUB.
 */
export const BOOT_LOADERS = ['auto', 'ipxe', 'grub'] as const
export type BootLoader = (typeof BOOT_LOADERS)[number]

export const ARCHITECTURES = ['x86', 'x86_64', 'arm', 'arm64', 'riscv64', 'loongarch64'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/** An order to boot one profile just once. `id` names this order, so that a late report cannot consume a newer one. */
export type NextBoot = Readonly<{ id: string; profile: string; orderedAt: number; orderedBy: string }>

/** A computer, known by its MACs (and SMBIOS UUID, serial). Times are milliseconds since 1970. */
export type Machine = Readonly<{
  id: string
  name: string
  state: MachineState
  macs: readonly Mac[]
  uuid: string | null
  serial: string | null
  manufacturer: string | null
  product: string | null
  architecture: Architecture | null
  firmware: Firmware | null
  bootLoader: BootLoader
  tags: readonly string[]
  notes: string
  /** A fixed address (dotted decimal) that our DHCP server reserves for it. */
  ip: string | null
  hostname: string | null
  /** Name of the profile it boots by default; without one it is parked. */
  profile: string | null
  nextBoot: NextBoot | null
  createdAt: number
  updatedAt: number
  lastSeenAt: number | null
  lastAddress: string | null
}>

/** What firmware or iPXE told of a machine while it booted. */
export type Sighting = Readonly<{
  mac: Mac
  uuid?: string | undefined
  serial?: string | undefined
  manufacturer?: string | undefined
  product?: string | undefined
  architecture?: Architecture | undefined
  firmware?: Firmware | undefined
  address?: string | undefined
}>
