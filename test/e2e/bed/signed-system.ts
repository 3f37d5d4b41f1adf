import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildImage } from '../../../src/imaging/build.ts'
import { COUNTING_INIT, makeRoot } from './system.ts'

/** With Secure Boot on, the firmware starts nothing but what Microsoft or Debian have signed: neither iPXE nor a GRUB of one's own. */
export const SECURE = { firmware: 'uefi', rom: 'pxe', secureBoot: true } as const
/** What the kernel of such a system says, and the system repeats on its console. */
export const SECURED = 'secureboot: Secure boot enabled'

/** A disk with shim, GRUB and kernel as Debian signed them, whose system counts its boots and says whether Secure Boot is on. */
export async function signedSystem(): Promise<Buffer<ArrayBuffer>> {
  const work = await mkdtemp(join(tmpdir(), 'rv-signed-'))
  try {
    const [root, file] = [join(work, 'root'), join(work, 'system.img')]
    await mkdir(root)
    await makeRoot(root, COUNTING_INIT.replace('while :;', `dmesg | grep -o '${SECURED}' >/dev/console\nwhile :;`))
    const order = { file, from: root, cmdline: 'console=ttyS0', firmware: ['uefi'], secureBoot: true } as const
    await buildImage(order, () => undefined)
    return await readFile(file)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
