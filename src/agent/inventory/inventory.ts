import { Inventory } from '../../api/contract/agent.ts'
import type { TaskOf, TaskRunner } from '../task.ts'
import { readFirmware } from './boot-entries.ts'
import { hasIpmi, readCpu, readMemory, readNics, readSmbios } from './computer.ts'
import { readDisks } from './disks.ts'
import { PROBE, type Probe } from './probe.ts'
import { ROOTS, type Roots } from './tree.ts'

/** Looks at the whole machine. Changes nothing; a part that cannot be read is left empty, and a dead disk does not hold up the rest. */
export async function takeInventory(roots: Roots = ROOTS, probe: Probe = PROBE): Promise<Inventory> {
  const [firmware, smbios, cpu, memoryBytes, nics, disks, ipmi] = await Promise.all([
    readFirmware(roots.sys),
    readSmbios(roots),
    readCpu(roots),
    readMemory(roots),
    readNics(roots),
    readDisks(roots, probe),
    hasIpmi(roots),
  ])
  return Inventory.parse({ ...firmware, smbios, cpu, memoryBytes, nics, disks, ipmi })
}

/** Looks again; the answer carries the inventory in `detail`. */
export const runInventory: TaskRunner<TaskOf<'inventory'>> = async (_task, { progress }) => {
  progress({ phase: 'looking at the machine' })
  const inventory = await takeInventory()
  const unreadable = inventory.disks.filter(({ problem }) => problem !== null).length
  const disks = `${inventory.disks.length} ${inventory.disks.length === 1 ? 'disk' : 'disks'}`
  return {
    summary: `Found ${disks} and ${inventory.nics.length} network interfaces${unreadable > 0 ? `; ${unreadable} unreadable` : ''}`,
    clean: true,
    detail: { inventory },
  }
}
