import { readFile, stat } from 'node:fs/promises'
import { Refusal } from '../../kit/errors.ts'
import { readRoot } from '../../protocols/iso9660/read.ts'
import type { DiscPrograms } from './build.ts'

/** Where Debian's package `ipxe` puts them. The disc of the package holds ISOLINUX, which no other file of it does. */
const FILES = { disc: '/usr/lib/ipxe/ipxe.iso', bios: '/usr/lib/ipxe/ipxe.lkrn', efi: '/usr/lib/ipxe/ipxe.efi' }
const MOST = 16 * 1024 * 1024

/** Reads the programs of boot discs. A `Refusal` names the package when they are not there. */
export async function readDiscPrograms(): Promise<DiscPrograms> {
  const [disc, bios, efi] = await Promise.all([FILES.disc, FILES.bios, FILES.efi].map(read))
  const files = readRoot(disc!)
  const isolinux = files.get('ISOLINUX.BIN')
  const ldlinux = files.get('LDLINUX.C32')
  if (!isolinux || !ldlinux) throw new Refusal('not-available', `${FILES.disc} holds no ISOLINUX`, { next: NEXT })
  return { isolinux: isolinux.slice(), ldlinux: ldlinux.slice(), bios: bios!, efi: efi! }
}

const NEXT = 'install the Debian package ipxe'

async function read(path: string): Promise<Uint8Array> {
  try {
    if ((await stat(path)).size > MOST) throw new Error('too large')
    return await readFile(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refusal('not-available', `${path} cannot be read (${code ?? 'error'}), so there are no boot discs`, {
      next: NEXT,
    })
  }
}
