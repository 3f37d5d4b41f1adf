/**
 * The kernel's target (LIO) beside tgt and the built-in one, all in one virtual server with Debian's kernel and each as Reveille sets it up; the
 * client (bench/iscsi-client.ts) runs outside, at the other end of the server's wire. Prints markdown tables; needs root and tgt.
 *
 * Without KVM the server's processor is emulated: commands a second say nothing about real hardware then. With REVEILLE_BENCH_INSTRUCTIONS=1 one
 * processor's time is counted in its instructions instead, one for each nanosecond (QEMU's icount), which is the same on any computer.
 */
import { once } from 'node:events'
import { join } from 'node:path'
import { startTargetsVm } from '../test/e2e/bed/targets-vm.ts'

const counting = process.env.REVEILLE_BENCH_INSTRUCTIONS !== undefined
// String instructions that move a byte at a time are one instruction each for the emulator, and what processors are fastest at.
const cpu = ',-erms,-fsrm'
const vm = await startTargetsVm({ cpu, ...(counting ? { processors: 1, more: ['-icount', 'shift=0'] } : {}) })
try {
  const load = vm.host.start(process.execPath, [join(import.meta.dirname, 'iscsi-vm-load.ts'), vm.address], {
    stdio: 'inherit',
  })
  const [code] = (await once(load, 'exit')) as [number]
  process.exitCode = code
} finally {
  await vm.remove()
}
