import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Inventory } from '../../src/api/contract/agent.ts'
import type { Trace } from '../../src/api/contract/traces.ts'
import { FlashBed, type FlashedMachine } from './bed/flash-bed.ts'
import { madeDisk } from './bed/made-disk.ts'
import { SECURE, SECURED, signedSystem } from './bed/signed-system.ts'
import { COUNTED } from './bed/system.ts'

/** A run takes minutes, for GRUB fetches the management OS in blocks of 1 KiB: part of `make soak`. */
const MINUTES = 60_000

describe.runIf(process.env.REVEILLE_SOAK)('with Secure Boot on', () => {
  let bed: FlashBed
  let content: Buffer<ArrayBuffer>
  beforeAll(async () => {
    content = await signedSystem()
    bed = await FlashBed.make()
    await bed.offer('signed', content)
  }, 15 * MINUTES)
  afterAll(() => bed?.remove(), 60_000)

  async function secured(name: string): Promise<FlashedMachine> {
    const machine = await bed.machine(name, 'uefi', [content.length / 2 ** 20], SECURE)
    await bed.server.api('PATCH', `/machines/${name}`, { bootLoader: 'grub' })
    return machine
  }

  const traces = async (machine: FlashedMachine) =>
    (await bed.server.api<{ items: Trace[] }>('GET', `/machines/${machine.name}/traces?limit=5`)).items
  const told = (trace: Trace | undefined) =>
    trace?.events.map(({ kind, detail, outcome }) => [kind, detail?.file ?? detail?.decision ?? '', outcome])

  test(
    'a disk is flashed, and the machine starts its own signed system',
    async () => {
      const machine = await secured('safe')
      const id = await machine.order({ profile: 'signed' }, 0)
      const ended = await bed.ended(id, 20 * MINUTES)
      expect(ended, ended.reason).toMatchObject({ state: 'succeeded' })
      await machine.shows(`${COUNTED} boot 1 of built, firmware=uefi`, 10 * MINUTES)
      await machine.shows(SECURED, 60_000)

      const [local, agent] = await traces(machine)
      expect(told(agent)).toEqual(
        expect.arrayContaining([
          ['tftp.done', 'debian/shimx64.efi', 'ok'],
          ['tftp.done', 'debian/grubx64.efi', 'ok'],
          ['http.script', 'agent', 'ok'],
          ['agent.pass', '', 'ok'],
          ['mark.launch', 'agent', 'ok'],
          ['agent.hello', '', 'ok'],
          ['agent.inventory', '', 'ok'],
        ]),
      )
      expect(agent?.events.filter(({ outcome }) => outcome !== 'ok')).toEqual([])
      expect(told(local)).toEqual(
        expect.arrayContaining([
          ['http.script', 'local', 'ok'],
          ['mark.launch', 'install', 'ok'],
        ]),
      )
      const asked = `/machines/${machine.name}/inventory`
      const { inventory } = await bed.server.api<{ inventory: Inventory }>('GET', asked)
      expect(inventory).toMatchObject({ firmware: 'uefi', secureBoot: true })
      await machine.power('off')
    },
    45 * MINUTES,
  )

  test(
    'the installed kernel, which is signed, is started without going through the firmware',
    async () => {
      const machine = await secured('fast')
      const targets = [{ image: 'signed' }]
      await bed.server.api('POST', '/profiles', { name: 'fast', kind: 'install', targets, finish: 'kexec' })
      const ended = await bed.ended(await machine.order({ profile: 'fast' }, 0), 20 * MINUTES)
      expect(ended.reason).toBe('everything is written and verified, and its system was started by kexec')
      await machine.shows(`${COUNTED} boot 1 of built, firmware=uefi`, 10 * MINUTES)
      // One power-on: the firmware, and so GRUB, was there just once.
      expect((await machine.printed()).split('Welcome to GRUB').length - 1).toBe(1)
      await machine.power('off')
    },
    45 * MINUTES,
  )

  test(
    'a script runs, a disk is captured, and wiped, each in its turn, and the hardware is known',
    async () => {
      const disk = madeDisk({ seed: 'secured', mib: 48, dataMiB: 16 })
      const machine = await bed.machine('tasks', 'uefi', [48, 48], SECURE)
      await bed.server.api('PATCH', '/machines/tasks', { bootLoader: 'grub' })
      await machine.writeDisk(0, disk)
      await machine.writeDisk(1, disk)
      const script = "dmesg | grep -io 'secure boot enabled' | head -n 1"
      const orders = {
        script: await machine.order({ action: { kind: 'script', script } }),
        capture: await machine.order({
          action: { kind: 'capture', disk: { serial: machine.serial(0) }, image: 'kept' },
        }),
        wipe: await machine.order({ action: { kind: 'wipe' } }, 0),
      }
      for (const [kind, id] of Object.entries(orders)) {
        const ended = await bed.ended(id, 20 * MINUTES)
        expect(ended, `${kind}: ${ended.reason}`).toMatchObject({ state: 'succeeded' })
      }
      const { inventory } = await bed.server.api<{ inventory: Inventory }>('GET', '/machines/tasks/inventory')
      expect(inventory).toMatchObject({ firmware: 'uefi', secureBoot: true })
      expect(inventory.disks.map(({ serial }) => serial)).toEqual([machine.serial(0), machine.serial(1)])
      const log = await bed.server.api<{ items: { text: string }[] }>('GET', `/deployments/${orders.script}/log`)
      expect(log.items.map(({ text }) => text).join('\n')).toMatch(/^secure boot enabled$/im)
      expect((await bed.download('/images/kept/versions/1/content')).equals(disk)).toBe(true)
      expect((await machine.disk(0)).every((byte) => byte === 0)).toBe(true)
      // Nothing but the armed disk was touched.
      expect((await machine.disk(1)).equals(disk)).toBe(true)
      expect(await machine.seen()).toMatchObject({ state: 'ready' })
      // Each was a boot of its own, by shim and GRUB.
      expect((await machine.printed()).split('Welcome to GRUB').length - 1).toBeGreaterThanOrEqual(3)
      const refused = (await traces(machine)).flatMap(({ events }) => events.filter(({ outcome }) => outcome !== 'ok'))
      expect(refused).toEqual([])
      await machine.power('off')
    },
    45 * MINUTES,
  )
})
