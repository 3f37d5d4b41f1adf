import { afterEach, describe, expect, test } from 'vitest'
import type { Bed } from './bed/bed.ts'
import { debianRoot } from './bed/debian-root.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { rooted, shell } from './bed/rooted.ts'

/** Machines without disks on target engines that are not built in. The kernel's own is tried in a virtual server of its own. */
let bed: Bed | undefined
afterEach(() => bed?.remove())

describe.runIf(process.env.REVEILLE_SOAK)('machines boot and keep what they write', () => {
  test('from tgt', async () => {
    const { quick } = await debianRoot()
    bed = await openRoom({ iscsi: { engine: 'tgt' } })
    await push(bed, 'desktop', quick)
    await bed.server.api('POST', '/profiles', { name: 'desktop', kind: 'diskless', disks: [overlay('desktop')] })
    const vm = await bed.known({ name: 'tgt', memoryMiB: 768 }, 'desktop')
    await vm.on()
    expect(await rooted(vm)).toMatchObject({ boot: '1', marker: '' })
    await shell(vm, 'echo kept >/marker; sync')
    await vm.reset()
    expect(await rooted(vm)).toMatchObject({ boot: '2', marker: 'kept' })
    await vm.off()
  }, 1_200_000)
})
