import { afterEach, describe, expect, test } from 'vitest'
import type { Bed } from './bed/bed.ts'
import { debianRoot } from './bed/debian-root.ts'
import { DONE } from './bed/facts.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { rooted, shell } from './bed/rooted.ts'
import { openBedServedByVm, VM_GROUP } from './bed/served-by-vm.ts'
import type { Vm } from './bed/vm.ts'

/** Machines without disks on target engines that are not built in. The kernel's own needs a kernel: its server is a virtual machine. */
let bed: Bed | undefined
afterEach(() => bed?.remove())

const FIRMWARE = ['bios', 'uefi'] as const
const LONG_MS = 1_200_000

async function offer(bed: Bed, image: string, file: string): Promise<void> {
  await push(bed, image, file)
  await bed.server.api('POST', '/profiles', { name: image, kind: 'diskless', disks: [overlay(image)] })
}

/** Writes, starts again, and finds what was written. It is left running. */
async function keepsWhatItWrites(bed: Bed, firmware: (typeof FIRMWARE)[number], image: string): Promise<Vm> {
  const vm = await bed.known({ name: `${image}-${firmware}`, firmware, memoryMiB: 768 }, image)
  await vm.on()
  expect(await rooted(vm, LONG_MS)).toMatchObject({ boot: '1', firmware, marker: '' })
  await shell(vm, 'echo kept >/marker; sync', LONG_MS)
  await vm.reset()
  expect(await rooted(vm, LONG_MS)).toMatchObject({ boot: '2', firmware, marker: 'kept' })
  return vm
}

describe.runIf(process.env.REVEILLE_SOAK)('machines boot and keep what they write', () => {
  test.each(FIRMWARE)(
    'from tgt, %s',
    async (firmware) => {
      const { quick } = await debianRoot()
      bed = await openRoom({ iscsi: { engine: 'tgt' } })
      await offer(bed, 'quick', quick)
      await (await keepsWhatItWrites(bed, firmware, 'quick')).off()
    },
    2_400_000,
  )

  describe('from LIO', () => {
    const lio = { enabled: true, engine: 'lio' }

    test('over thin volumes of LVM, by BIOS and UEFI', async () => {
      const { quick } = await debianRoot()
      bed = await openBedServedByVm({ iscsi: lio, volumes: { pool: 'lvm', lvmGroup: VM_GROUP } })
      await offer(bed, 'quick', quick)
      for (const firmware of FIRMWARE) {
        const vm = await keepsWhatItWrites(bed, firmware, 'quick')
        expect(await shell(vm, "dmesg | grep -c 'EXT4-fs error' || :", LONG_MS)).toBe('0')
        await vm.off()
      }
    }, 5_400_000)

    test('over files: a whole Debian, through a power cut of the server, until it is reset', async () => {
      const { whole } = await debianRoot()
      bed = await openBedServedByVm({ iscsi: lio })
      await offer(bed, 'whole', whole)
      const vm = await keepsWhatItWrites(bed, 'bios', 'whole')
      // The kernel of the server goes too, and with it the target: the machine waits for it.
      await bed.server.kill()
      vm.type('echo more >/more; sync; echo after\r')
      await bed.server.start()
      await vm.shows(new RegExp(`after\\s+${DONE} 0\\.`), LONG_MS)
      expect(await shell(vm, 'cat /marker /more', LONG_MS)).toBe('kept\nmore')
      await vm.off()
      await bed.server.api('POST', `/machines/${vm.name}/reset`, { profile: 'whole', kick: true })
      await vm.on()
      expect(await rooted(vm, LONG_MS)).toMatchObject({ boot: '1', marker: '' })
      await vm.off()
    }, 5_400_000)
  })
})
