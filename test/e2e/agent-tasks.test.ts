import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Inventory } from '../../src/machines/inventory.ts'
import { MANAGEMENT_OS } from '../../src/management/management.ts'
import { Bed } from './bed/bed.ts'
import { offerManagementOs } from './bed/management.ts'

/** The tasks around a flash on a real kernel, with partitions, FAT and the variables of real firmware. */
let bed: Bed
beforeAll(async () => {
  bed = await Bed.make()
  const server = await bed.serve({ dhcp: { mode: 'server', interfaces: ['br0'] } })
  await offerManagementOs(server, { agentEntry: 'test/e2e/bed/tasks-agent.ts' })
  await server.api('POST', '/profiles', { name: 'tasks', kind: 'live', image: MANAGEMENT_OS })
}, 900_000)
afterAll(() => bed?.remove())

test.each([
  ['uefi', 'virtio-blk-pci'],
  ['bios', 'nvme'],
] as const)('inventory, growing, identity, boot entry and wipe on %s with %s', async (firmware, diskModel) => {
  const vm = await bed.known({ name: `tasks-${firmware}`, firmware, disksGiB: [1 / 8], diskModel }, 'tasks')
  await vm.on()
  await vm.shows(/TASKS (DONE|FAILED)/, 280_000)
  // biome-ignore lint/suspicious/noExplicitAny: what tasks print is as different as they are
  const told = (name: string): any => {
    const line = new RegExp(`TASK ${name} (.*?)\\r?\\n`).exec(vm.printed)?.[1]
    if (line === undefined) throw new Error(`no ${name} in: ${vm.printed.slice(-3000)}`)
    return JSON.parse(line)
  }
  const inventory: Inventory = told('inventory')
  expect(inventory).toMatchObject({ firmware, smbios: { serial: `LAB-tasks-${firmware}` } })
  expect(inventory.nics).toMatchObject([{ mac: vm.mac, link: true, byPath: expect.stringMatching(/^pci-0000:/) }])
  const nvme = diskModel === 'nvme'
  const transport = nvme ? 'nvme' : 'virtio'
  expect(inventory.disks).toMatchObject([{ transport, bytes: 2 ** 27, problem: null, table: null }])
  // Virtual disks that keep no record of their health have none to tell.
  expect(inventory.disks[0]!.health).toEqual(nvme ? expect.objectContaining({ passed: true }) : null)
  expect(told('grow').words).toBe(`Grew partition 2 with its ext4 to ${(127 - 17) * 2 ** 20} bytes`)
  expect(told('identity')).toBe('Wrote /etc/hostname, /etc/hosts, /etc/shadow and read it back')
  const { disk, entries } = told('after')
  expect(disk.partitions.map((part: { filesystem: { type: string } }) => part.filesystem.type)).toEqual([
    'vfat',
    'ext4',
  ])
  if (firmware === 'bios') expect(told('boot-entry')).toEqual({ firmware: 'bios' })
  else {
    const made = told('boot-entry')
    expect(made).toMatchObject({ created: true, file: '\\EFI\\BOOT\\BOOTX64.EFI' })
    expect(told('again')).toEqual({ ...made, created: false })
    const before = inventory.bootEntries.findIndex(({ current }) => current)
    const names = entries.map(({ name }: { name: string }) => name)
    expect(before).toBeGreaterThanOrEqual(0)
    expect(names[entries.findIndex(({ current }: { current: boolean }) => current) + 1]).toBe(`Reveille ${disk.serial}`)
  }
  const wiped = told('wipe')
  expect(wiped).toMatchObject({ outcome: 'passed', samples: { edgesZero: true, unchanged: 0 } })
  if (nvme) expect(JSON.stringify(wiped)).toContain('Format NVM with Secure Erase Setting')
  await vm.off()
})
