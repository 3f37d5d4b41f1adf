import { writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Bed, SERVER } from './bed.ts'
import { bundle } from './bundle.ts'
import type { Server } from './server.ts'
import { serverVm } from './server-vm.ts'

const GIB = 2 ** 30
/** Its interface, for settings. */
export const VM_INTERFACE = 'eth0'
/** Of its second disk, for settings. */
export const VM_GROUP = 'vg0'
/** Where the virtual server passes on what comes for its control socket. */
const CONTROL = `${SERVER}:9001`
/** Without KVM everything takes its time. */
const READY_MS = 600_000

/** The command and what it starts as threads and processes of its own, which it looks for beside itself. */
const PROGRAMS = {
  main: 'src/cli/main.ts',
  'transfer-worker': 'src/boot/loader/transfer-worker.ts',
  'disk-worker': 'src/compose/disk-worker.ts',
  'copy-thread': 'src/store/copy-thread.ts',
  'lease-thread': 'src/store/lease-thread.ts',
  forward: 'test/e2e/bed/forward.ts',
}
/** The server has its data directory on a disk, under the same path as outside. */
const script = (dataDir: string) => `
ip addr add ${SERVER}/24 dev ${VM_INTERFACE}
ip link set ${VM_INTERFACE} up
mkdir -p /checkout ${dataDir}
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose checkout /checkout
blkid /dev/vdb >/dev/null || mkfs.ext4 -q /dev/vdb
mount /dev/vdb ${dataDir}
chmod 700 ${dataDir}
vgs ${VM_GROUP} >/dev/null 2>&1 || vgcreate -qq -y ${VM_GROUP} /dev/vdc
cp /share/reveille.yaml ${dataDir}
cp -r /share/app /run
export NODE_COMPILE_CACHE=${dataDir}/compile
node /run/app/dist/lib/forward.js ${CONTROL} ${dataDir}/control.sock >/dev/null &
node /run/app/dist/lib/main.js serve --config ${dataDir}/reveille.yaml 2>&1
`

/**
 * A bed whose server is a virtual machine, with Debian's kernel and thus with LIO and LVM: everything it does for the machines on the wire, it
 * does in there. `kill` cuts its power, and what it had written stays.
 */
export async function openBedServedByVm(settings: Record<string, unknown>): Promise<Bed> {
  const bed = await Bed.make('10.77.0.2')
  try {
    const { netdev } = await bed.bridge.attach()
    let args: string[] = []
    const how: Parameters<typeof Server.make>[1] = {
      readyMs: READY_MS,
      async before(dataDir) {
        const disks = [8 * GIB, 8 * GIB]
        const around = { netdev, checkout: resolve('.'), memoryMiB: 2048 }
        args = await serverVm({ share: dataDir, disks, ...around })
        await writeFile(join(dataDir, 'run'), script(dataDir))
        await bundle(join(dataDir, 'app'), PROGRAMS, '/checkout/node_modules')
        const forward = join(dataDir, 'app/dist/lib/forward.js')
        bed.run(bed.host, process.execPath, [forward, join(dataDir, 'control.sock'), CONTROL])
      },
      start: (_command, _args, options) => bed.host.start('qemu-system-x86_64', args, options),
    }
    const wire = { name: 'wire', subnet: '10.77.0.0/24', interface: VM_INTERFACE }
    await bed.serve({ dhcp: { mode: 'server', interfaces: [VM_INTERFACE] }, networks: [wire], ...settings }, how)
    return bed
  } catch (error) {
    await bed.remove()
    throw error
  }
}
