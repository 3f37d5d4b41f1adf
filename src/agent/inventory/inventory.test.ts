import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { DISK_SAMPLES } from '../../../test/fakes/disk-samples.ts'
import { encodeBootOrder, encodeLoadOption } from '../../protocols/efi/load-option.ts'
import { parseCpuinfo } from './computer.ts'
import { takeInventory } from './inventory.ts'
import { PROBE, type Probe } from './probe.ts'
import { readSmart } from './smart.ts'
import type { Roots } from './tree.ts'

let root: string
let roots: Roots

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'rv-inventory-')))
  roots = { sys: join(root, 'sys'), proc: join(root, 'proc'), dev: join(root, 'dev') }
  put('proc/cpuinfo', 'processor\t: 0\nmodel name\t: Test CPU\n')
  put('proc/meminfo', 'MemTotal:        1000 kB\n')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

/** A device of the kernel below `/sys/devices`, which a class knows under its name. */
function device(link: string, path: string, files: Record<string, string | Uint8Array>): void {
  mkdirSync(join(root, 'sys/devices', path), { recursive: true })
  mkdirSync(dirname(join(root, link)), { recursive: true })
  symlinkSync(join(root, 'sys/devices', path), join(root, link))
  for (const [name, content] of Object.entries(files)) put(join('sys/devices', path, name), content)
}

function disk(name: string, path: string, content: Uint8Array, files: Record<string, string | Uint8Array>): void {
  const blocks = String(content.length / 512)
  device(`sys/block/${name}`, path, {
    size: blocks,
    ro: '0',
    removable: '0',
    'queue/logical_block_size': '512',
    ...files,
  })
  put(`dev/${name}`, content)
}

function page(code: number, body: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(body as string, 'latin1')
  return Buffer.concat([Buffer.from([0, code, bytes.length >> 8, bytes.length & 255]), bytes])
}

const sample = (type: string) => DISK_SAMPLES.find(([name]) => name === type)![1]
const inventory = (probe: Partial<Probe> = {}) =>
  takeInventory(roots, { ...PROBE, smart: async () => undefined, ...probe })

describe('disks', () => {
  test('virtio: serial number, content and fingerprint', async () => {
    disk('vda', 'pci0000:00/0000:00:05.0/virtio2/block/vda', sample('gpt'), {
      serial: 'ROOT-1\n',
      'queue/rotational': '1',
    })
    const [found] = (await inventory()).disks
    expect(found).toMatchObject({
      name: 'vda',
      serial: 'ROOT-1',
      bytes: 1024 * 1024,
      rotational: true,
      transport: 'virtio',
      byPath: 'pci-0000:00:05.0',
      table: 'gpt',
      problem: null,
    })
    expect(found?.partitions.map(({ name, filesystem }) => [name, filesystem?.type])).toEqual([
      ['first', 'xfs'],
      ['second', undefined],
    ])
    expect(found?.fingerprint).toMatch(/^[0-9a-f]{64}$/)
  })

  test('SATA: what IDENTIFY DEVICE says, and the NAA name', async () => {
    const swap = (text: string) => Buffer.from(text, 'latin1').swap16()
    const identify = Buffer.alloc(512)
    identify.set(swap('WD-WX12A34567'.padEnd(20)), 20)
    identify.set(swap('82.00A82'), 46)
    identify.set(swap('WDC WD40EFRX-68N32N0'.padEnd(40)), 54)
    disk('sda', 'pci0000:00/0000:00:1f.2/ata3/host2/target2:0:0/2:0:0:0/block/sda', sample('ext4'), {
      'device/vpd_pg80': page(0x80, '     WD-WX12A34567'),
      'device/vpd_pg83': page(0x83, '\x02\x01\0\x03abc\x01\x03\0\x08\x50\x01\x4e\xe2\x12\x34\x56\x78'),
      'device/vpd_pg89': page(0x89, Buffer.concat([Buffer.alloc(56), identify])),
      'device/vendor': 'ATA     ',
      'device/model': 'WDC WD40EFRX-68N',
      'device/rev': '0A82',
    })
    put('sys/devices/pci0000:00/0000:00:1f.2/ata3/ata_port/ata3/port_no', '1\n')
    const probe = { smart: async () => readFileSync(join(root, 'smart'), 'utf8') }
    put('smart', JSON.stringify({ smart_status: { passed: false }, power_on_time: { hours: 70_000 } }))
    expect((await inventory(probe)).disks[0]).toMatchObject({
      serial: 'WD-WX12A34567',
      wwn: '0x50014ee212345678',
      model: 'WDC WD40EFRX-68N32N0',
      firmware: '82.00A82',
      transport: 'sata',
      byPath: 'pci-0000:00:1f.2-ata-1',
      filesystem: { type: 'ext4', label: 'lab' },
      health: { passed: false, detail: 'The disk says that it is failing; 70000 hours on' },
    })
  })

  test('NVMe, SAS behind an expander, USB, and a SCSI disk of virtio', async () => {
    const bytes = new Uint8Array(4096)
    disk('nvme0n1', 'pci0000:00/0000:03:00.0/nvme/nvme0/nvme0n1', bytes, {
      'device/serial': 'S5XXNX0R\n',
      'device/model': 'Samsung SSD 980',
      'device/firmware_rev': '3B4QFXO7',
      wwid: 'eui.0025385b21404a4f\n',
      nsid: '1\n',
    })
    const sas = 'pci0000:00/0000:05:00.0/host0/port-0:0/expander-0:0'
    disk('sdb', `${sas}/port-0:0:3/end_device-0:0:3/target0:0:3/0:0:3:0/block/sdb`, bytes, {
      'device/vendor': 'SEAGATE ',
      'device/model': 'ST600MM0006',
      'device/rev': 'LS0A',
    })
    put(`sys/devices/${sas}/sas_device/expander-0:0/sas_address`, '0x5000ccab040001bf\n')
    put(`sys/devices/${sas}/port-0:0:3/end_device-0:0:3/sas_device/end_device-0:0:3/phy_identifier`, '3\n')
    disk('sdc', 'pci0000:00/0000:00:14.0/usb1/1-2/1-2:1.0/host7/target7:0:0/7:0:0:0/block/sdc', bytes, {
      removable: '1',
    })
    disk('sdd', 'pci0000:00/0000:00:06.0/virtio3/host8/target8:0:0/8:0:0:2/block/sdd', bytes, { ro: '1' })
    disk('mmcblk0boot0', 'platform/soc/mmc0/mmcblk0boot0', bytes, {})
    disk('loop0', 'virtual/block/loop0', bytes, {})
    const told = (await inventory()).disks.map(({ name, transport, byPath, model, wwn }) => [
      name,
      transport,
      byPath,
      model,
      wwn,
    ])
    expect(told).toEqual([
      ['nvme0n1', 'nvme', 'pci-0000:03:00.0-nvme-1', 'Samsung SSD 980', 'eui.0025385b21404a4f'],
      ['sdb', 'sas', 'pci-0000:05:00.0-sas-exp0x5000ccab040001bf-phy3-lun-0', 'SEAGATE ST600MM0006', null],
      ['sdc', 'usb', 'pci-0000:00:14.0-usb-0:2:1.0-scsi-0:0:0:0', null, null],
      ['sdd', 'virtio', 'pci-0000:00:06.0-scsi-0:0:0:2', null, null],
    ])
  })

  test('one that fails, and one that never answers, have a problem and hold up nobody', async () => {
    disk('vda', 'pci0000:00/0000:00:05.0/virtio2/block/vda', sample('ext4'), { serial: 'GOOD' })
    disk('vdb', 'pci0000:00/0000:00:06.0/virtio3/block/vdb', sample('ext4').subarray(0, 4096), {
      size: '9999',
      serial: 'SHORT',
    })
    const never = async () => Promise.reject(new Error('it does not answer in time'))
    disk('vdc', 'pci0000:00/0000:00:07.0/virtio4/block/vdc', new Uint8Array(512), { serial: 'NEVER' })
    const reader: Probe['reader'] = (path, seconds) => (path.endsWith('vdc') ? never : PROBE.reader(path, seconds))
    const { disks } = await inventory({ reader })
    expect(disks.map(({ serial, problem }) => [serial, problem?.replace(root, '')])).toEqual([
      ['GOOD', undefined],
      ['SHORT', '/dev/vdb: only 4096 of 262144 bytes at 0 could be read'],
      ['NEVER', '/dev/vdc: it does not answer in time'],
    ])
  })

  test('a read that waits for ever is given up', async () => {
    mkdirSync(roots.dev)
    const { execFileSync } = await import('node:child_process')
    execFileSync('mkfifo', [join(roots.dev, 'dead')])
    await expect(PROBE.reader(join(roots.dev, 'dead'), 0.2)(0, 512)).rejects.toThrow('does not answer in time')
  })
})

describe('the rest of the machine', () => {
  test('SMBIOS, BMC and network interfaces', async () => {
    put('sys/class/dmi/id/sys_vendor', 'Dell Inc.\n')
    put('sys/class/dmi/id/product_uuid', '4C4C4544-0042-3510-8051-B7C04F313233\n')
    put('sys/firmware/dmi/tables/DMI', Buffer.from([1, 5, 0, 0, 1, 0x41, 0, 0, 38, 4, 1, 0, 0, 0, 127, 4, 2, 0, 0, 0]))
    device('sys/class/net/eno1', 'pci0000:00/0000:01:00.0/net/eno1', {
      type: '1',
      address: '52:54:00:12:34:56\n',
      carrier: '1\n',
      speed: '10000\n',
    })
    mkdirSync(join(root, 'drivers/ixgbe'), { recursive: true })
    symlinkSync(
      join(root, 'sys/devices/pci0000:00/0000:01:00.0'),
      join(root, 'sys/devices/pci0000:00/0000:01:00.0/net/eno1/device'),
    )
    symlinkSync(join(root, 'drivers/ixgbe'), join(root, 'sys/devices/pci0000:00/0000:01:00.0/driver'))
    put('sys/class/net/lo/type', '772\n')
    expect(await inventory()).toMatchObject({
      firmware: 'bios',
      secureBoot: null,
      ipmi: true,
      memoryBytes: 1_024_000,
      smbios: { manufacturer: 'Dell Inc.', product: null, uuid: '4c4c4544-0042-3510-8051-b7c04f313233' },
      nics: [
        {
          name: 'eno1',
          mac: '52:54:00:12:34:56',
          driver: 'ixgbe',
          link: true,
          speedMbps: 10_000,
          byPath: 'pci-0000:01:00.0',
        },
      ],
    })
  })

  test('UEFI boot entries in boot order, the current one marked, damaged ones left out', async () => {
    const variable = (name: string, value: Uint8Array) =>
      put(
        `sys/firmware/efi/efivars/${name}-8be4df61-93ca-11d2-aa0d-00e098032b8c`,
        Buffer.concat([Buffer.from([7, 0, 0, 0]), value]),
      )
    variable('BootOrder', encodeBootOrder(['0003', '0001', '0007']))
    variable('BootCurrent', encodeBootOrder(['0001']))
    for (const number of ['0001', '0002', '0003'])
      variable(`Boot${number}`, encodeLoadOption({ name: `entry ${number}`, path: [] }))
    variable('Boot0009', new Uint8Array(3))
    variable('SecureBoot', Uint8Array.of(1))
    expect(await inventory()).toMatchObject({
      firmware: 'uefi',
      secureBoot: true,
      bootEntries: [
        { number: '0003', name: 'entry 0003', active: true, current: false },
        { number: '0001', name: 'entry 0001', active: true, current: true },
        { number: '0002', name: 'entry 0002', active: true, current: false },
      ],
    })
  })

  test('two sockets with two cores of two threads', () => {
    const blocks = [0, 1, 2, 3, 4, 5, 6, 7].map(
      (i) => `processor\t: ${i}\nmodel name\t: Xeon\nphysical id\t: ${i >> 2}\ncore id\t\t: ${(i >> 1) & 1}\n`,
    )
    expect(parseCpuinfo(blocks.join('\n'))).toEqual({ model: 'Xeon', sockets: 2, cores: 4, threads: 8 })
  })

  test('SMART of an NVMe disk; what is no answer is none', () => {
    const log = { percentage_used: 3, available_spare: 100, media_errors: 0, critical_warning: 0 }
    const answer = {
      smart_status: { passed: true },
      temperature: { current: 40 },
      nvme_smart_health_information_log: log,
    }
    expect(readSmart(JSON.stringify(answer))).toEqual({
      passed: true,
      detail:
        'The disk says that it is well; 40 °C; 3 % of its endurance used; 100 % spare left; 0 media errors; no critical warning',
    })
    for (const text of ['', '[]', 'null', '{"smart_status": 1}']) expect(readSmart(text)).toBeNull()
  })
})
