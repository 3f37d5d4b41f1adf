import type { Ipv4 } from '../kit/ip.ts'

/** A socket that some process has on a port. `holder` is `null` when the kernel does not let us see it. */
export type HeldPort = Readonly<{
  protocol: 'tcp' | 'udp'
  address: Ipv4
  port: number
  holder: Readonly<{ pid: number; name: string }> | null
}>

export type InterfaceFact = Readonly<{ name: string; up: boolean; addresses: readonly string[] }>

/** An offer heard from a DHCP server that is not us. */
export type HeardOffer = Readonly<{ server: Ipv4; address: Ipv4 }>

export type DirectoryFact = Readonly<{
  state: 'writable' | 'missing' | 'not-writable' | 'not-a-directory'
  /** The nearest directory that exists. */
  nearest: string
  /** Whether it could be made, if it is missing. */
  creatable: boolean
  freeBytes: number
}>

/** How the doctor looks at the computer. Every call is bounded in time; one that cannot look throws a `Refusal`. */
export interface Probes {
  readonly pid: number
  now(): number
  heldPorts(): Promise<HeldPort[]>
  /** The effective capabilities, by Linux name (`CAP_NET_RAW`). */
  capabilities(): Promise<ReadonlySet<string>>
  /** The first port that needs no privilege (`net.ipv4.ip_unprivileged_port_start`). */
  firstFreePort(): Promise<number>
  interfaces(): Promise<InterfaceFact[]>
  /** Asks for an address in the name of nobody and listens for five seconds at most; nothing is ever accepted. */
  dhcpServers(interfaceName: string): Promise<HeardOffer[]>
  readable(path: string): Promise<boolean>
  writable(path: string): Promise<boolean>
  /** What the lab found when it tried KVM: `tcg` when it does not work, whatever the device says. */
  acceleration(): Promise<'kvm' | 'tcg'>
  /** The path of a program that the shell would find. */
  program(name: string): Promise<string | undefined>
  directory(path: string): Promise<DirectoryFact>
  /** Whether the kernel's clock is kept right by NTP; `undefined` when that cannot be told. */
  synchronised(): Promise<boolean | undefined>
}
