import { open, readFile } from 'node:fs/promises'
import type { Acceleration } from './qemu.ts'

/**
 * Whether QEMU can use KVM here: the device opens for us, and the processor has what KVM is made of. Machines that are virtual
 * themselves may offer the device without it; firmware runs there, and then Linux hangs.
 */
export async function detectAcceleration(): Promise<Acceleration> {
  try {
    await (await open('/dev/kvm', 'r+')).close()
  } catch {
    return 'tcg'
  }
  return hasVirtualization(await readFile('/proc/cpuinfo', 'utf8')) ? 'kvm' : 'tcg'
}

/** Whether `/proc/cpuinfo` lists Intel's or AMD's virtualization among the flags. */
export function hasVirtualization(cpuinfo: string): boolean {
  return /^flags\s*:.*\b(vmx|svm)\b/m.test(cpuinfo)
}
