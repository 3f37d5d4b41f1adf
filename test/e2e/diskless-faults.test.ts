import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bed } from './bed/bed.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { rooted, shell } from './bed/rooted.ts'
import { smallRoot } from './bed/small-root.ts'
import type { Vm } from './bed/vm.ts'

/** What machines without disks live through. */
let bed: Bed
let vm: Vm
beforeAll(async () => {
  const disk = await smallRoot()
  bed = await openRoom()
  await push(bed, 'desktop', disk)
  await bed.server.api('POST', '/profiles', { name: 'desktop', kind: 'diskless', disks: [overlay('desktop')] })
}, 900_000)
afterAll(() => bed?.remove())

const CUT_MS = 30_000
/** Writes numbers one after another, and says each one only when it is on the disk. */
const WRITER = `rm -f /stop; (n=$(cat /n 2>/dev/null || echo 0); while [ ! -e /stop ]; do n=$((n+1)); echo $n >/n.new; sync /n.new && mv /n.new /n && sync / && echo SYNCED $n; done) &`
const synced = () => Number([...vm.printed.matchAll(/SYNCED (\d+)\r/g)].at(-1)?.[1] ?? 0)
const beyond = (n: number) => vm.shows(new RegExp(`SYNCED ${n}\\r`), 180_000, 300)

test('a killed server and a cut network are waited for, and nothing that was written is lost', async () => {
  vm = await bed.known({ name: 'writer', memoryMiB: 768 }, 'desktop')
  await vm.on()
  expect(await rooted(vm)).toMatchObject({ boot: '1' })
  vm.type(`${WRITER}\r`)
  await beyond(20)

  await bed.server.kill()
  await bed.server.start()
  await beyond(synced() + 20)

  const [tap = ''] = (await bed.host.ip('-o', 'link', 'show', 'master', 'br0')).match(/t\d+x\d+/) ?? []
  await bed.host.ip('link', 'set', tap, 'down')
  await new Promise((resolve) => setTimeout(resolve, CUT_MS))
  const before = synced()
  await bed.host.ip('link', 'set', tap, 'up')
  await beyond(before + 20)

  // Both at once: the server dies while the machine writes, and then the machine loses its power.
  await bed.server.kill()
  const promised = synced()
  await vm.off()
  await bed.server.start()
  await vm.on()
  expect(await rooted(vm)).toMatchObject({ boot: '2' })
  expect(Number(await shell(vm, 'cat /n'))).toBeGreaterThanOrEqual(promised)
  expect(await shell(vm, "dmesg | grep -c 'EXT4-fs error' || :")).toBe('0')
  await vm.off()
}, 1_200_000)
