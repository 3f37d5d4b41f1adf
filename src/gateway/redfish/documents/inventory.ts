import type { Inventory } from '../../../machines/inventory.ts'
import type { BmcBackEnd } from '../../back-end.ts'
import type { Json } from '../messages.ts'
import { collection, link, PATHS } from '../paths.ts'

type Machine = BmcBackEnd['machine']

/** ProcessorArchitecture and InstructionSet (DSP0268, Processor) by what the kernel calls the architecture. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string]>> = {
  x86_64: ['x86', 'x86-64'],
  aarch64: ['ARM', 'ARM-A64'],
  arm64: ['ARM', 'ARM-A64'],
}
const MOST_SOCKETS = 64
const GIB = 2 ** 30

/** What the inventory adds to a system. Without one the links are there all the same: clients follow them without looking. */
export function inventoryParts(machine: Machine, inventory: Inventory | undefined): Json {
  const path = PATHS.system(machine.id)
  return {
    ...(inventory && {
      ...(inventory.smbios.biosVersion === null ? {} : { BiosVersion: inventory.smbios.biosVersion }),
      MemorySummary: { TotalSystemMemoryGiB: Math.round((inventory.memoryBytes / GIB) * 10) / 10 },
      ProcessorSummary: {
        Count: inventory.cpu.sockets,
        CoreCount: inventory.cpu.cores,
        LogicalProcessorCount: inventory.cpu.threads,
        Model: inventory.cpu.model,
      },
    }),
    Processors: link(`${path}/Processors`),
    SimpleStorage: link(`${path}/SimpleStorage`),
  }
}

const socketsOf = (inventory: Inventory | undefined) =>
  inventory ? Math.min(Math.max(1, inventory.cpu.sockets), MOST_SOCKETS) : 0

export function processors(machine: Machine, inventory: Inventory | undefined): Json {
  const path = `${PATHS.system(machine.id)}/Processors`
  const members = Array.from({ length: socketsOf(inventory) }, (_, index) => `${path}/${index + 1}`)
  return collection(path, 'ProcessorCollection', 'Processors', members)
}

export function processorDocument(machine: Machine, inventory: Inventory | undefined, id: string): Json | undefined {
  const sockets = socketsOf(inventory)
  if (!inventory || !/^[1-9]\d?$/.test(id) || Number(id) > sockets) return undefined
  const { model, cores, threads, architecture } = inventory.cpu
  const [kind, set] = Object.hasOwn(ARCHITECTURES, architecture) ? ARCHITECTURES[architecture]! : ['OEM', 'OEM']
  return {
    '@odata.id': `${PATHS.system(machine.id)}/Processors/${id}`,
    '@odata.type': '#Processor.v1_11_0.Processor',
    Id: id,
    Name: `Processor ${id}`,
    ProcessorType: 'CPU',
    ProcessorArchitecture: kind,
    InstructionSet: set,
    Model: model,
    TotalCores: Math.round(cores / sockets),
    TotalThreads: Math.round(threads / sockets),
    Status: { State: 'Enabled', Health: 'OK' },
  }
}

/** Id of the one controller, under which all disks are shown. */
const ALL = 'All'

export function storageCollection(machine: Machine, inventory: Inventory | undefined): Json {
  const path = `${PATHS.system(machine.id)}/SimpleStorage`
  return collection(path, 'SimpleStorageCollection', 'Simple Storage', inventory ? [`${path}/${ALL}`] : [])
}

export function storageDocument(machine: Machine, inventory: Inventory | undefined, id: string): Json | undefined {
  if (!inventory || id !== ALL) return undefined
  return {
    '@odata.id': `${PATHS.system(machine.id)}/SimpleStorage/${ALL}`,
    '@odata.type': '#SimpleStorage.v1_3_0.SimpleStorage',
    Id: ALL,
    Name: 'All disks',
    Status: { State: 'Enabled', Health: 'OK' },
    Devices: inventory.disks.map((disk) => ({
      Name: disk.name,
      Model: disk.model,
      CapacityBytes: disk.bytes,
      Status: { State: 'Enabled', Health: disk.health === null ? null : disk.health.passed ? 'OK' : 'Critical' },
    })),
  }
}
