import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { detectAcceleration } from '../../../src/lab/acceleration.ts'
import { type SystemFiles, serverSystem } from './server-system.ts'

export type ServerVm = Readonly<{
  /** A folder that both sides see, as `/share` inside. Its script `run` is what the server does. */
  share: string
  /** Sizes of its disks in bytes, `/dev/vdb` and so on. They are files `vdb`... in the share, empty at first, and stay. */
  disks?: readonly number[]
  /** What stands behind `-netdev`, with the id `net0`: its interface is `eth0`. */
  netdev?: string
  /** A folder that it may read, as `/checkout` inside when the script mounts it. */
  checkout?: string
  memoryMiB?: number
  processors?: number
  /** More words for QEMU's `-cpu`. */
  cpu?: string
  /** More words for QEMU. */
  more?: readonly string[]
}>

/** What QEMU is to be told. The console is its standard output; the system disk forgets everything. */
export async function serverVm(wish: ServerVm): Promise<string[]> {
  const { share, disks = [], netdev, checkout, memoryMiB = 1024, processors = 2, cpu = '', more = [] } = wish
  const { image, kernel, initrd }: SystemFiles = await serverSystem()
  const paths = disks.map((_, i) => join(share, `vd${'bcdef'[i]}`))
  for (const [i, path] of paths.entries()) {
    if (existsSync(path)) continue
    const file = await open(path, 'w')
    await file.truncate(disks[i]!)
    await file.close()
  }
  const drive = (file: string, options: string) => [
    '-drive',
    `file=${file},format=raw,if=virtio,cache=unsafe${options}`,
  ]
  const folder = (path: string, tag: string, options = '') => [
    ...['-virtfs', `local,path=${path},mount_tag=${tag},security_model=none${options}`],
  ]
  return [
    ...['-accel', await detectAcceleration(), '-machine', 'pc', '-cpu', `max${cpu}`, '-smp', String(processors)],
    ...['-m', String(memoryMiB), '-display', 'none', '-no-reboot', '-serial', 'stdio', '-monitor', 'none'],
    ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 panic=-1 quiet net.ifnames=0'],
    ...(netdev ? ['-netdev', netdev, '-device', 'virtio-net-pci,netdev=net0'] : ['-nic', 'none']),
    ...drive(image, ',snapshot=on'),
    ...paths.flatMap((path) => drive(path, ',discard=unmap')),
    ...folder(share, 'share'),
    ...(checkout ? folder(checkout, 'checkout', ',readonly=on') : []),
    ...more,
  ]
}
