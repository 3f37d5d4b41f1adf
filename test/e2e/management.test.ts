import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MANAGEMENT_OS } from '../../src/management/management.ts'
import { Bed } from './bed/bed.ts'
import { offerManagementOs } from './bed/management.ts'

describe('the management OS', () => {
  let bed: Bed
  beforeAll(async () => {
    bed = await Bed.make()
    const server = await bed.serve({ dhcp: { mode: 'server', interfaces: ['br0'] } })
    await offerManagementOs(server, { agentEntry: 'test/e2e/bed/hello-agent.ts' })
    await server.api('POST', '/profiles', { name: 'hello', kind: 'live', image: MANAGEMENT_OS })
    await server.api('POST', '/profiles', { name: 'crash', kind: 'live', image: MANAGEMENT_OS, cmdline: 'test.crash' })
  }, 300_000)
  afterAll(() => bed?.remove())

  test.each(['bios', 'uefi'] as const)(
    'boots from the network on %s with its disks, programs and an address',
    async (firmware) => {
      const vm = await bed.known({ name: `hello-${firmware}`, firmware, disksGiB: [1 / 16, 1 / 8] }, 'hello')
      await vm.on()
      const [, disks] = await vm.shows(/HELLO disks (.*?)\r?\n/, 180_000)
      expect(disks).toMatch(/vda=LAB-\w+-0 vdb=LAB-\w+-1/)
      await vm.shows(/HELLO addresses .*10\.77\.0\./, 10_000)
      const [, free] = await vm.shows(/HELLO free (\d+) MiB/, 20_000)
      expect(vm.printed.match(/HELLO program \/usr\/sbin\//g)).toHaveLength(5)
      expect(Number(free)).toBeGreaterThan(200)
      await vm.off()
    },
  )

  test('starts an agent that ends again, and says so', async () => {
    const vm = await bed.known({ name: 'crash' }, 'crash')
    await vm.on()
    await vm.shows(/REVEILLE-AGENT: the agent ended with status 7[\s\S]*HELLO disks/, 180_000)
    await vm.off()
  })
})
