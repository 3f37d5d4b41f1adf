import { constants } from 'node:fs'
import { access, readdir, readFile, readlink, stat, statfs } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import koffi from 'koffi'
import { ipv4 } from '../kit/ip.ts'
import { detectAcceleration } from '../lab/acceleration.ts'
import { listenForOffers } from './offers.ts'
import type { DirectoryFact, HeldPort, InterfaceFact, Probes } from './probes.ts'

async function can(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  )
}

/** One line of /proc/net/{tcp,udp}[6]: the local address in the order of the machine, in hex, and the socket's inode. */
export type SocketLine = Readonly<{ address: number; port: number; state: number; inode: string }>

/** Reads a table of /proc/net. IPv6 wildcards count as any address, since they take IPv4 too; other IPv6 addresses are left out. */
export function readSocketTable(text: string): SocketLine[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/)
      const [host = '', port = ''] = (fields[1] ?? '').split(':')
      const inode = fields[9]
      if (inode === undefined || !/^[0-9A-F]+$/.test(host) || (host.length === 32 && !/^0+$/.test(host))) return []
      const bytes = host.slice(0, 8).match(/../g) ?? []
      const address = Number.parseInt([...bytes].reverse().join(''), 16)
      return [{ address, port: Number.parseInt(port, 16), state: Number.parseInt(fields[3] ?? '', 16), inode }]
    })
}

const TCP_LISTEN = 0x0a

async function openSockets(): Promise<{ protocol: 'tcp' | 'udp'; line: SocketLine }[]> {
  const tables = await Promise.all(
    (['tcp', 'tcp6', 'udp', 'udp6'] as const).map(async (table) => {
      const text = await readFile(`/proc/net/${table}`, 'utf8').catch(() => '')
      const protocol = table.startsWith('tcp') ? ('tcp' as const) : ('udp' as const)
      return readSocketTable(text).map((line) => ({ protocol, line }))
    }),
  )
  return tables.flat().filter(({ protocol, line }) => protocol === 'udp' || line.state === TCP_LISTEN)
}

/** Which process has which socket inode, as far as we may see. */
async function socketHolders(): Promise<Map<string, { pid: number; name: string }>> {
  const holders = new Map<string, { pid: number; name: string }>()
  const processes = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of processes) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const fd of descriptors) {
      const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
      const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
      if (inode === undefined || holders.has(inode)) continue
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'process')
      holders.set(inode, { pid: Number(pid), name: name.trim() })
    }
  }
  return holders
}

async function heldPorts(): Promise<HeldPort[]> {
  const [sockets, holders] = await Promise.all([openSockets(), socketHolders()])
  return sockets.map(({ protocol, line }) => ({
    protocol,
    address: ipv4(line.address),
    port: line.port,
    holder: holders.get(line.inode) ?? null,
  }))
}

/** Bit numbers of linux/capability.h. */
const CAPABILITIES = { CAP_NET_BIND_SERVICE: 10, CAP_NET_ADMIN: 12, CAP_NET_RAW: 13 } as const

/** The capabilities we care for, from the text of /proc/self/status. */
export function readCapabilities(status: string): Set<string> {
  const bits = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`)
  return new Set(
    Object.entries(CAPABILITIES)
      .filter(([, bit]) => (bits >> BigInt(bit)) & 1n)
      .map(([name]) => name),
  )
}

async function interfaces(): Promise<InterfaceFact[]> {
  const addresses = networkInterfaces()
  const names = await readdir('/sys/class/net')
  return Promise.all(
    names.map(async (name) => {
      const flags = Number(await readFile(`/sys/class/net/${name}/flags`, 'utf8').catch(() => '0'))
      return {
        name,
        // IFF_UP: the operator's will. A cable that is not plugged in yet is no fault.
        up: (flags & 1) === 1,
        addresses: (addresses[name] ?? []).filter(({ family }) => family === 'IPv4').map(({ address }) => address),
      }
    }),
  )
}

async function directory(path: string): Promise<DirectoryFact> {
  let nearest = resolve(path)
  let found = await stat(nearest).catch(() => undefined)
  while (!found && dirname(nearest) !== nearest) {
    nearest = dirname(nearest)
    found = await stat(nearest).catch(() => undefined)
  }
  const { bavail, bsize } = await statfs(nearest)
  const writable = await can(nearest, constants.W_OK | constants.X_OK)
  const there = nearest === resolve(path)
  const state = !there ? 'missing' : !found?.isDirectory() ? 'not-a-directory' : writable ? 'writable' : 'not-writable'
  return { state, nearest, creatable: writable && found?.isDirectory() === true, freeBytes: bavail * bsize }
}

const TIME_ERROR = 5

/** adjtimex(2) without a change: its result says whether the kernel takes its clock for synchronised. */
function synchronised(): boolean | undefined {
  const adjtimex = koffi.load('libc.so.6').func('int adjtimex(_Inout_ uint8_t *)')
  const result: number = adjtimex(new Uint8Array(256))
  return result < 0 ? undefined : result !== TIME_ERROR
}

async function program(name: string): Promise<string | undefined> {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin']) {
    const path = join(folder, name)
    if (folder !== '' && (await can(path, constants.X_OK))) return path
  }
  return undefined
}

/** This computer, as Linux shows it. */
export const LINUX: Probes = {
  pid: process.pid,
  now: () => Date.now(),
  heldPorts,
  capabilities: async () => readCapabilities(await readFile('/proc/self/status', 'utf8')),
  firstFreePort: async () =>
    Number(await readFile('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8').catch(() => '1024')),
  interfaces,
  dhcpServers: (name) => listenForOffers(name),
  readable: (path) => can(path, constants.R_OK),
  writable: (path) => can(path, constants.R_OK | constants.W_OK),
  acceleration: detectAcceleration,
  program,
  directory,
  synchronised: async () => synchronised(),
}
