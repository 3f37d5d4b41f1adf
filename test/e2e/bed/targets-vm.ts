import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { findProgram, librariesOf } from '../../../src/initramfs/libraries.ts'
import { SERVER } from './bed.ts'
import { bundle } from './bundle.ts'
import { type ServerVm, serverVm } from './server-vm.ts'
import { READY } from './target-names.ts'
import { until } from './until.ts'
import { Bridge, Host } from './wire.ts'

/** Without KVM everything takes its time. */
const READY_MS = 900_000

const SCRIPT = `
ip addr add ${SERVER}/24 dev eth0
ip link set eth0 up
mkdir -p /data /checkout
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=262144,cache=loose checkout /checkout
mkfs.ext4 -q /dev/vdb
mount /dev/vdb /data
cp -r /share/app /run
cp /share/programs/* /usr/sbin
cp -n /share/libraries/* /usr/lib/x86_64-linux-gnu
node /run/app/dist/lib/main.js /data 2>&1
`

export type TargetsVm = Readonly<{
  /** Where clients run: the server's wire ends here. */
  host: Host
  address: string
  remove(): Promise<void>
}>

/** Starts a virtual server with Debian's kernel in which all engines serve targets, tgt as it is on this computer: see vm-targets.ts. */
export async function startTargetsVm(more: Pick<ServerVm, 'processors' | 'cpu' | 'more'> = {}): Promise<TargetsVm> {
  const share = await mkdtemp(join(tmpdir(), 'reveille-targets-'))
  const host = await Host.make()
  let end = async () => {}
  const remove = async () => {
    await end()
    await host.remove()
    await rm(share, { recursive: true })
  }
  try {
    const bridge = await Bridge.make(host, 'br0', '10.77.0.2/24')
    const { netdev } = await bridge.attach()
    const entries = { main: 'test/e2e/bed/vm-targets.ts', 'disk-worker': 'src/compose/disk-worker.ts' }
    await bundle(join(share, 'app'), entries, '/checkout/node_modules')
    await bring(share, ['tgtd', 'tgtadm'])
    await writeFile(join(share, 'run'), SCRIPT)
    const around = { share, netdev, checkout: resolve('.'), disks: [4 * 2 ** 30], memoryMiB: 2048 }
    const args = await serverVm({ ...around, ...more })
    const qemu = host.start('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let printed = ''
    for (const stream of [qemu.stdout!, qemu.stderr!])
      stream.on('data', (text) => {
        printed += text
      })
    const ended = new Promise((done) => qemu.once('close', done))
    end = async () => {
      qemu.kill('SIGKILL')
      await ended
    }
    await until('the targets are served', READY_MS, () => {
      if (qemu.exitCode !== null || printed.includes('SERVER DONE')) throw new Error(printed)
      return printed.includes(READY) ? true : undefined
    })
  } catch (error) {
    await remove()
    throw error
  }
  return { host, address: SERVER, remove }
}

async function bring(share: string, names: readonly string[]): Promise<void> {
  const programs = await Promise.all(
    names.map(async (name) => {
      const program = await findProgram('/', name)
      if (!program) throw new Error(`there is no ${name} here: install the package tgt`)
      return program
    }),
  )
  const { libraries } = await librariesOf(programs, '/')
  for (const [folder, files] of [
    ['programs', programs],
    ['libraries', libraries],
  ] as const) {
    await mkdir(join(share, folder))
    for (const { name, content } of files) {
      await writeFile(join(share, folder, basename(name)), content)
      await chmod(join(share, folder, basename(name)), 0o755)
    }
  }
}
