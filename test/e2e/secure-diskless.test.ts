import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Bed } from './bed/bed.ts'
import { debianRoot } from './bed/debian-root.ts'
import { offerBundle } from './bed/linux.ts'
import { openRoom, overlay, push } from './bed/room.ts'
import { rooted, shell } from './bed/rooted.ts'
import { SECURE, SECURED } from './bed/signed-system.ts'
import { until } from './bed/until.ts'

const MINUTES = 60_000
/** Where the root filesystem of a built image begins. */
const ROOT = 64 * 2 ** 20

/** Takes kernel and initrd out of the root filesystem of a disk, as its owner would copy them. */
async function bootFiles(disk: string, folder: string): Promise<{ kernel: string; initrd: string }> {
  const look = (command: string) => promisify(execFile)('/usr/sbin/debugfs', ['-R', command, `${disk}?offset=${ROOT}`])
  const names = (await look('ls -p /boot')).stdout.split('\n').map((line) => line.split('/')[5] ?? '')
  const out = async (begins: string, name: string) => {
    await look(`dump /boot/${names.find((each) => each.startsWith(begins))} ${join(folder, name)}`)
    return join(folder, name)
  }
  return { kernel: await out('vmlinuz-', 'vmlinuz'), initrd: await out('initrd.img-', 'initrd.img') }
}

/** Part of `make soak`: GRUB fetches Debian's initrd in blocks of 1 KiB. */
describe.runIf(process.env.REVEILLE_SOAK)('with Secure Boot on', () => {
  let bed: Bed
  beforeAll(async () => {
    const { quick } = await debianRoot()
    bed = await openRoom()
    await push(bed, 'desktop', quick)
    const work = await mkdtemp(join(tmpdir(), 'rv-boot-files-'))
    const cmdline = 'console=ttyS0,115200 root=LABEL=root rw init=/usr/local/sbin/quick-init'
    const files = await bootFiles(quick, work)
    await offerBundle(bed.server, 'desktop-boot', { ...files, cmdline }, { disks: [overlay('desktop')] })
    await rm(work, { recursive: true })
  }, 15 * MINUTES)
  afterAll(() => bed?.remove())

  test(
    'a machine without disks has its root on one of ours, logged in to by its initrd',
    async () => {
      const vm = await bed.known({ name: 'thin', ...SECURE, memoryMiB: 768 }, 'desktop-boot')
      await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
      await vm.on()
      const facts = await rooted(vm, 20 * MINUTES)
      expect(facts).toMatchObject({ boot: '1', firmware: 'uefi', root: expect.stringMatching(/^\/dev\/sda/) })
      expect(await shell(vm, `dmesg | grep -o '${SECURED}'`)).toBe(SECURED)
      expect(await shell(vm, 'grep -c -i -E "password|secret" /proc/cmdline || true')).toBe('0')
      const trace = await bed.trace(vm)
      expect(trace).toMatchObject({ state: 'launched', profile: 'desktop-boot' })
      expect(trace?.events.map(({ detail }) => detail?.file)).toContain('login')
      await vm.off()
    },
    30 * MINUTES,
  )

  test(
    'a machine that is to start its own disk and has none says so, and so does its trace',
    async () => {
      await bed.server.api('POST', '/profiles', { name: 'own', kind: 'local' })
      const vm = await bed.known({ name: 'empty', ...SECURE }, 'own')
      await bed.server.api('PATCH', `/machines/${vm.mac}`, { bootLoader: 'grub' })
      await vm.on()
      await vm.shows(/no disk has a boot loader that is known here/, 5 * MINUTES)
      const failed = await until('the failure is told', MINUTES, async () =>
        (await bed.trace(vm))?.events.find(({ kind }) => kind === 'mark.failed'),
      )
      expect(failed).toMatchObject({ outcome: 'failed', detail: { step: 'local', profile: 'own' } })
      await vm.off()
    },
    10 * MINUTES,
  )
})
