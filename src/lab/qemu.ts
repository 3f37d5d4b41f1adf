import type { LabSpec } from './spec.ts'

export const QEMU = 'qemu-system-x86_64'
const OVMF = '/usr/share/OVMF'

/** The firmware's variables as they are in the beginning; for Secure Boot with Microsoft's keys. */
export function firmwareVariables({ secureBoot }: Pick<LabSpec, 'secureBoot'>): string {
  return `${OVMF}/OVMF_VARS_4M${secureBoot ? '.ms' : ''}.fd`
}

/** PCI Express ports kept free on UEFI machines: q35's own bus takes no disk while it runs. */
export const HOT_PLUG_PORTS = 4

/** Pause of a BIOS before it tries all boot devices again. */
const RETRY_MS = 5000

export type Acceleration = 'kvm' | 'tcg'

/** Where a machine's files are: everything of one machine is in one folder. */
export function machineFiles(directory: string) {
  return {
    spec: `${directory}/machine.json`,
    variables: `${directory}/variables.fd`,
    disk: (index: number) => `${directory}/disk${index}.raw`,
    console: `${directory}/console.log`,
    consoleSocket: `${directory}/console.sock`,
    qmpSocket: `${directory}/qmp.sock`,
    pid: `${directory}/qemu.pid`,
    screen: `${directory}/screen.png`,
  }
}

/**
 * The arguments of QEMU for one machine. `netdev` is what stands behind `-netdev` with the id `net0`. The process daemonizes, so that it
 * outlives us; it writes its own record of the serial console, so that nothing is lost while we are away.
 */
export function qemuArguments(
  spec: LabSpec,
  { directory, netdev, acceleration }: { directory: string; netdev: string; acceleration: Acceleration },
): string[] {
  const files = machineFiles(directory)
  const uefi = spec.firmware === 'uefi'
  // `graphics=off` makes SeaBIOS, and with it iPXE, speak on the serial port too.
  const machine = uefi ? `q35${spec.secureBoot ? ',smm=on' : ''}` : 'pc,graphics=off'
  return [
    ...['-name', `reveille-lab-${spec.name}`, '-no-user-config', '-nodefaults'],
    ...['-machine', machine, '-accel', acceleration, ...(acceleration === 'kvm' ? ['-cpu', 'host'] : [])],
    // A BIOS that finds nothing to boot tries again, as most do; OVMF ends in its shell whatever it is told.
    ...(uefi ? [] : ['-boot', `reboot-timeout=${RETRY_MS}`]),
    ...['-m', String(spec.memoryMiB), '-rtc', 'base=utc', '-uuid', spec.uuid],
    ...['-smbios', `type=1,manufacturer=Reveille,product=Lab machine,serial=LAB-${spec.name},uuid=${spec.uuid}`],
    ...(uefi ? firmwareArguments(spec, files.variables) : []),
    ...['-display', 'none', '-device', 'VGA', '-device', 'virtio-rng-pci'],
    ...[
      '-chardev',
      `socket,id=console,path=${escaped(files.consoleSocket)},server=on,wait=off,logfile=${escaped(files.console)},logappend=on`,
    ],
    ...['-serial', 'chardev:console', '-monitor', 'none'],
    ...['-qmp', `unix:${escaped(files.qmpSocket)},server=on,wait=off`],
    ...['-netdev', netdev, '-device', nicDevice(spec)],
    ...spec.disksGiB.flatMap((_, index) => [
      '-blockdev',
      JSON.stringify(diskNode(index, files.disk(index))),
      '-device',
      JSON.stringify({ ...diskDevice(spec, index), bootindex: diskBootIndex(spec, index) }),
    ]),
    ...(uefi ? hotPlugPorts() : []),
    ...['-pidfile', files.pid, '-daemonize'],
  ]
}

/** The firmware tries the lowest index first. Disks stand before or behind the network card, which keeps its place. */
const NIC_BOOT_INDEX = 10

export function diskBootIndex(spec: Pick<LabSpec, 'bootOrder'>, index: number): number {
  return (spec.bootOrder === 'disk' ? 1 : NIC_BOOT_INDEX + 1) + index
}

/** A disk as QMP's `blockdev-add` takes it. Zeros that the machine writes stay holes. */
export function diskNode(index: number, path: string) {
  return {
    driver: 'raw',
    'node-name': `disk${index}`,
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    file: { driver: 'file', filename: path, discard: 'unmap' },
  }
}

/** A disk as QMP's `device_add` takes it. A serial number has at most 20 characters, of virtio and of NVMe alike. */
export function diskDevice(spec: Pick<LabSpec, 'mac' | 'diskModel'>, index: number) {
  const serial = `LAB-${spec.mac.replaceAll(':', '').slice(6)}-${index}`
  return { driver: spec.diskModel, id: `drive${index}`, drive: `disk${index}`, serial }
}

function nicDevice(spec: LabSpec): string {
  const ownRom = spec.firmware === 'bios' || spec.rom === 'ipxe'
  return `${spec.nic},id=nic0,netdev=net0,mac=${spec.mac},bootindex=${NIC_BOOT_INDEX}${ownRom ? '' : ',romfile='}`
}

function firmwareArguments(spec: LabSpec, variables: string): string[] {
  const off = (name: string) => ['-fw_cfg', `name=opt/org.tianocore/${name},string=n`]
  return [
    ...[
      '-drive',
      `if=pflash,unit=0,format=raw,readonly=on,file=${OVMF}/OVMF_CODE_4M${spec.secureBoot ? '.secboot' : ''}.fd`,
    ],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${escaped(variables)}`],
    // Else a system could write what the firmware trusts.
    ...(spec.secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    // Nobody serves IPv6 here, and each of its attempts costs the firmware many seconds.
    ...off('IPv6Support'),
    ...off('IPv6PXESupport'),
    ...(spec.rom === 'http' ? off('IPv4PXESupport') : []),
  ]
}

function hotPlugPorts(): string[] {
  return Array.from({ length: HOT_PLUG_PORTS }, (_, i) => [
    '-device',
    `pcie-root-port,id=port${i},chassis=${i + 1},slot=${i + 1}`,
  ]).flat()
}

/** In QEMU's option syntax a comma inside a value is doubled. */
function escaped(path: string): string {
  return path.replaceAll(',', ',,')
}
