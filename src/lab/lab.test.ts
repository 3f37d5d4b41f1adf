import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ManualClock } from '../kit/clock.ts'
import { Refusal } from '../kit/errors.ts'
import { parseSubnet } from '../kit/ip.ts'
import { SILENT } from '../kit/log.ts'
import type { Mac } from '../kit/mac.ts'
import { Lab } from './lab.ts'
import type { LabLinux } from './linux.ts'
import type { LabWish } from './spec.ts'

const wish: LabWish & { start: boolean } = {
  name: 'alpha',
  firmware: 'bios',
  memoryMiB: 512,
  disksGiB: [1],
  diskModel: 'virtio-blk-pci',
  nic: 'virtio-net-pci',
  rom: 'ipxe',
  secureBoot: false,
  bootOrder: 'network',
  start: false,
}
const LINUX: LabLinux = { kernelPath: '/k', initrdPath: '/i', cmdline: '', version: '1' }

/** All that needs no running machine; the rest is seen in test/e2e/lab.test.ts. */
describe('the lab', () => {
  let root: string
  const path = process.env.PATH
  const clock = new ManualClock()

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'lab-'))
    // A computer with QEMU, as far as anybody asks here.
    await writeFile(join(root, 'qemu-system-x86_64'), '#!/bin/sh\n')
    await chmod(join(root, 'qemu-system-x86_64'), 0o755)
    process.env.PATH = `${root}:${path}`
  })
  afterEach(async () => {
    process.env.PATH = path
    await rm(root, { recursive: true })
  })

  function open(given: { dataDir?: string; maxMachines?: number; buildLinux?: () => Promise<LabLinux> } = {}) {
    const { dataDir = root, maxMachines = 3, buildLinux = async () => LINUX } = given
    const events = { publish: vi.fn() }
    const offerLinux = vi.fn(async () => undefined)
    const lab = { enabled: true, mode: 'user' as const, subnet: parseSubnet('10.77.0.0/24')!, maxMachines }
    const config = { dataDir, lab, http: { listen: { host: '0.0.0.0', port: 8080 } } }
    const opened = Lab.open({ config, clock, log: SILENT, events, buildLinux, offerLinux })
    return opened.then((service) => ({ lab: service, events, offerLinux }))
  }

  test('keeps machines over a restart', async () => {
    const { lab, events } = await open()
    const added = await lab.add(wish)
    expect(added).toMatchObject({ name: 'alpha', power: 'off', disksGiB: [1], createdAt: clock.now() })
    expect(events.publish).toHaveBeenCalledWith({ topic: 'lab', id: 'alpha', change: 'saved' })
    await lab.change('alpha', { bootOrder: 'disk', attachDiskGiB: 2 })

    const again = (await open()).lab
    expect(await again.list()).toEqual([{ ...added, bootOrder: 'disk', disksGiB: [1, 2] }])
    expect(again.nameOf(added.mac)).toBe('alpha')
    expect(await again.get('beta')).toBeUndefined()
  })

  test('takes no space for empty disks', async () => {
    await (await open()).lab.add({ ...wish, disksGiB: [100] })
    const disk = await stat(join(root, 'lab/alpha/disk0.raw'))
    expect(disk.size).toBe(100 * 2 ** 30)
    expect(disk.blocks).toBe(0)
  })

  test('clears away what a crash left half made, and nothing else', async () => {
    await (await open()).lab.add(wish)
    await mkdir(join(root, 'lab/half'))
    await writeFile(join(root, 'lab/half/disk0.raw'), '')
    const { lab } = await open()
    await expect(stat(join(root, 'lab/half'))).rejects.toThrow('ENOENT')
    expect(await lab.get('alpha')).toBeDefined()
  })

  test('deletes a machine with its folder', async () => {
    const { lab, events } = await open()
    await lab.add(wish)
    const ended = vi.fn()
    lab.console('alpha')?.follow(() => undefined, ended)
    await lab.remove('alpha')
    await expect(stat(join(root, 'lab/alpha'))).rejects.toThrow('ENOENT')
    expect(await lab.list()).toEqual([])
    expect(ended).toHaveBeenCalledOnce()
    expect(events.publish).toHaveBeenLastCalledWith({ topic: 'lab', id: 'alpha', change: 'removed' })
  })

  test.each([
    ['a name that is taken', wish, 'conflict', 'there is a lab machine alpha already'],
    [
      'choices that do not go together',
      { ...wish, name: 'b', rom: 'http' as const },
      'validation-failed',
      'no HTTP boot',
    ],
  ] as const)('refuses %s', async (_, given, code, text) => {
    const { lab } = await open()
    await lab.add(wish)
    await expect(lab.add(given)).rejects.toMatchObject({ code, message: expect.stringContaining(text) })
  })

  test('gives the MAC that is asked for, to one machine', async () => {
    const { lab } = await open()
    const mac = '52:54:00:00:00:01' as Mac
    expect(await lab.add({ ...wish, mac })).toMatchObject({ mac })
    await expect(lab.add({ ...wish, name: 'beta', mac })).rejects.toThrow('the lab machine alpha has the MAC')
  })

  test('has a largest number of machines', async () => {
    const { lab } = await open({ maxMachines: 1 })
    await lab.add(wish)
    await expect(lab.add({ ...wish, name: 'beta' })).rejects.toThrow('as many as it may')
  })

  test('refuses a path that is too long for a Unix socket, before anything is made', async () => {
    const dataDir = join(root, 'x'.repeat(80))
    const { lab } = await open({ dataDir })
    await expect(lab.add(wish)).rejects.toThrow('too long for the Unix sockets')
    expect(await lab.list()).toEqual([])
  })

  test.each(['reset', 'pressPowerButton', 'screen'] as const)('refuses %s of a machine that is off', async (what) => {
    const { lab } = await open()
    await lab.add(wish)
    await expect(lab[what]('alpha')).rejects.toMatchObject({ code: 'wrong-state' })
    await expect(lab[what]('nobody')).rejects.toMatchObject({ code: 'not-found' })
  })

  test('offers its small Linux once, and again after a failure', async () => {
    const buildLinux = vi.fn(async () => LINUX)
    buildLinux.mockRejectedValueOnce(new Refusal('not-available', 'no mirror'))
    const { lab, offerLinux } = await open({ buildLinux })
    const failed = await lab.up()
    expect(failed.state).toBe('up')
    expect(failed.reason).toContain('could not be made: no mirror')
    expect((await lab.up()).reason).not.toContain('could not be made')
    await lab.up()
    expect(offerLinux).toHaveBeenCalledTimes(1)
    expect(offerLinux).toHaveBeenCalledWith(LINUX)
  })

  test('says what to install where QEMU is missing, and works as soon as it is there', async () => {
    process.env.PATH = '/nowhere'
    const { lab } = await open()
    expect(await lab.status()).toMatchObject({ state: 'impossible', mode: null })
    await expect(lab.up()).rejects.toThrow('apt-get install')
    process.env.PATH = `${root}:${path}`
    expect((await lab.up()).state).toBe('up')
  })

  test('guards its files', async () => {
    await (await open()).lab.add(wish)
    expect((await stat(join(root, 'lab'))).mode & 0o077).toBe(0)
    expect(JSON.parse(await readFile(join(root, 'lab/alpha/machine.json'), 'utf8'))).toMatchObject({ format: 1 })
  })
})
