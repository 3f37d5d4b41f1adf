import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chooseDisk, type Kernel, listDisks, openTaskDisk } from './find.ts'
import { fingerprintOf } from './fingerprint.ts'
import { openDisk } from './open.ts'

const MIB = 1024 * 1024
let directory: string
let kernel: Kernel

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true })
  writeFileSync(join(directory, path), content)
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rv-find-'))
  kernel = { sys: join(directory, 'sys'), dev: join(directory, 'dev') }
  put('sys/block/vda/size', `${(8 * MIB) / 512}\n`)
  put('sys/block/vda/serial', 'ROOT-1\n')
  put('sys/block/vda/vda2/partition', '2\n')
  put('sys/block/vda/vda2/start', '2048\n')
  put('sys/block/vda/vda2/size', '4096\n')
  put('dev/vda', Buffer.alloc(8 * MIB, 'a'))
  put('sys/block/sda/size', '4096\n')
  put('sys/block/sda/device/vpd_pg80', Buffer.from('\0\x80\0\x08  WD-42 \0', 'latin1'))
  put('sys/block/sda/device/model', 'Spinning Disk   \n')
  put('dev/sda', Buffer.alloc(2 * MIB))
  put('sys/block/nvme0n1/size', '4096\n')
  put('sys/block/nvme0n1/device/serial', 'S5XX   \n')
  put('sys/block/loop0/size', '4096\n')
  put('sys/block/sdb/size', '0\n')
  for (const name of ['mmcblk0boot0', 'mmcblk0boot1', 'mmcblk0rpmb', 'nvme0c0n1'])
    put(`sys/block/${name}/size`, '4096\n')
  put('sys/block/nvme9n1/size', '4096\n')
  put('sys/block/nvme9n1/hidden', '1\n')
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const wanted = { serial: 'ROOT-1', bytes: 8 * MIB, fingerprint: null, partition: null }

describe('the disks of a machine', () => {
  test('are listed with the serial number that each tells in its way, without what is no disk', async () => {
    expect((await listDisks(kernel)).map(({ name, serial, model }) => [name, serial, model])).toEqual([
      ['nvme0n1', 'S5XX', null],
      ['sda', 'WD-42', 'Spinning Disk'],
      ['vda', 'ROOT-1', null],
    ])
  })

  test('are chosen by serial and size together', async () => {
    const disks = await listDisks(kernel)
    expect(chooseDisk(disks, wanted).path).toBe(join(directory, 'dev/vda'))
    for (const wrong of [{ serial: 'ROOT-2' }, { bytes: 8 * MIB + 512 }, { serial: '' }])
      expect(() => chooseDisk(disks, { ...wanted, ...wrong })).toThrow(/Not found.*sda \(serial WD-42/)
    expect(() => chooseDisk([], wanted)).toThrow(/no disk at all/)
  })

  test('are refused when two fit', async () => {
    const disks = await listDisks(kernel)
    expect(() => chooseDisk([...disks, { ...disks.at(-1)!, name: 'vdb' }], wanted)).toThrow(/2 disks are .*vda, vdb/)
  })
})

describe('the disk of a task', () => {
  test('is opened whole, or one of its partitions', async () => {
    const disk = await openTaskDisk(wanted, { write: true }, kernel)
    expect(disk.bytes).toBe(8 * MIB)
    await disk.close()
    const partition = await openTaskDisk({ ...wanted, partition: 2 }, { write: true }, kernel)
    expect(partition.bytes).toBe(2 * MIB)
    await partition.write(0, Buffer.from('here'))
    await partition.close()
    const whole = await openDisk(join(kernel.dev, 'vda'), { write: false })
    const bytes = Buffer.alloc(5)
    await whole.read(MIB, bytes)
    await whole.close()
    expect(bytes.toString()).toBe('herea')
  })

  test('is refused for writing when its content is not the one that was armed', async () => {
    const disk = await openTaskDisk(wanted, { write: false }, kernel)
    const fingerprint = await fingerprintOf(disk)
    await disk.close()
    await (await openTaskDisk({ ...wanted, fingerprint }, { write: true }, kernel)).close()
    writeFileSync(join(kernel.dev, 'vda'), 'b', { flag: 'r+' })
    await expect(openTaskDisk({ ...wanted, fingerprint }, { write: true }, kernel)).rejects.toMatchObject({
      name: 'TaskFailure',
      clean: true,
      message: expect.stringContaining('Nothing was written'),
    })
  })

  test('is refused with a list of its partitions when it lacks the named one', async () => {
    await expect(openTaskDisk({ ...wanted, partition: 3 }, { write: true }, kernel)).rejects.toThrow(
      /no partition 3; it has: 2/,
    )
  })
})
