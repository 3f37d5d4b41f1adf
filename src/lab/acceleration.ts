import { type Acceleration, QEMU } from './qemu.ts'
import { run } from './run.ts'

/** Whether QEMU can use KVM here. */
export async function detectAcceleration(): Promise<Acceleration> {
  const probe = ['-accel', 'kvm', '-cpu', 'host', '-machine', 'pc', '-nodefaults', '-display', 'none', '-S', '-version']
  return (await run(QEMU, probe)).code === 0 ? 'kvm' : 'tcg'
}
