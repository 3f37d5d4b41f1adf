import { machine } from 'node:os'
import type { Inventory } from '../../api/contract/agent.ts'
import { structureTypes } from '../../protocols/dmi/structures.ts'
import { byPath } from './by-path.ts'
import { bytesOf, leadsTo, namesIn, numberOf, type Roots, shown, textOf } from './tree.ts'

type Facts = Inventory

/** What the firmware says of the machine; `null` for what it does not say. */
export async function readSmbios({ sys }: Roots): Promise<Facts['smbios']> {
  const [manufacturer, product, serial, uuid, biosVersion, biosDate, board] = await Promise.all(
    ['sys_vendor', 'product_name', 'product_serial', 'product_uuid', 'bios_version', 'bios_date', 'board_name'].map(
      (name) => textOf(sys, 'class/dmi/id', name),
    ),
  )
  const facts = { manufacturer, product, serial, uuid: uuid?.toLowerCase(), biosVersion, biosDate, board }
  return Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, value ?? null])) as Facts['smbios']
}

export async function readCpu({ proc }: Roots): Promise<Facts['cpu']> {
  return {
    ...parseCpuinfo(Buffer.from((await bytesOf(proc, 'cpuinfo')) ?? []).toString('latin1')),
    architecture: machine(),
  }
}

/** Sockets, cores and threads of `/proc/cpuinfo`; without ids of sockets and cores every CPU is a core of one socket. */
export function parseCpuinfo(text: string): Omit<Facts['cpu'], 'architecture'> {
  const blocks = text
    .split(/\n\s*\n/)
    .map(
      (block) =>
        new Map([...block.matchAll(/^([^:\n]+?)[ \t]*:[ \t]*(.*)$/gm)].map(([, key, value]) => [key!, value!])),
    )
    .filter((block) => block.has('processor'))
  const sockets = new Set(blocks.map((block) => block.get('physical id') ?? '0'))
  const cores = new Set(
    blocks.map((block) => `${block.get('physical id') ?? 0} ${block.get('core id') ?? block.get('processor')}`),
  )
  const model = blocks.map((block) => block.get('model name')).find((name) => name)
  return { model: shown(model ?? '') ?? 'unknown', sockets: sockets.size, cores: cores.size, threads: blocks.length }
}

/** Installed memory where the kernel tells it in blocks, else what it can use. */
export async function readMemory({ sys, proc }: Roots): Promise<number> {
  const folder = `${sys}/devices/system/memory`
  const blockBytes = Number.parseInt((await textOf(folder, 'block_size_bytes')) ?? '', 16)
  const blocks = (await namesIn(folder)).filter((name) => /^memory\d+$/.test(name)).length
  if (Number.isSafeInteger(blockBytes) && blocks > 0) return blocks * blockBytes
  const usable = /^MemTotal:\s*(\d{1,12}) kB/m.exec(
    Buffer.from((await bytesOf(proc, 'meminfo')) ?? []).toString('latin1'),
  )
  return Number(usable?.[1] ?? 0) * 1024
}

const MOST_NICS = 64
/** ARPHRD_ETHER and ARPHRD_INFINIBAND. */
const WIRES = [1, 32]

/** Network interfaces that are hardware: those with a device behind them. */
export async function readNics({ sys }: Roots): Promise<Facts['nics']> {
  const nics: Facts['nics'] = []
  for (const name of await namesIn(sys, 'class/net')) {
    const at = `${sys}/class/net/${name}`
    const device = await leadsTo(at, 'device')
    if (!device || !WIRES.includes((await numberOf(at, 'type')) ?? 0)) continue
    const [mac, carrier, speed, driver, path] = await Promise.all([
      textOf(at, 'address'),
      numberOf(at, 'carrier'),
      numberOf(at, 'speed'),
      leadsTo(device, 'driver'),
      byPath(device),
    ])
    nics.push({
      name: name.slice(0, 200),
      // InfiniBand has twenty bytes, of which the last eight tell the port.
      mac: (mac ?? '').slice(-23).slice(-17),
      driver: shown(driver.slice(driver.lastIndexOf('/') + 1)),
      link: carrier === 1,
      speedMbps: speed !== undefined && speed > 0 ? speed : null,
      byPath: path,
    })
  }
  return nics.slice(0, MOST_NICS)
}

/** The type of an IPMI device in the SMBIOS table (DSP0134, section 7.39). */
const IPMI_DEVICE = 38

/** Whether there is a BMC: the kernel talks to one, or the firmware says so. */
export async function hasIpmi({ sys, dev }: Roots): Promise<boolean> {
  const names = await namesIn(dev)
  if (names.some((name) => /^ipmi\d+$/.test(name))) return true
  const table = await bytesOf(sys, 'firmware/dmi/tables/DMI')
  return table !== undefined && structureTypes(table).includes(IPMI_DEVICE)
}
