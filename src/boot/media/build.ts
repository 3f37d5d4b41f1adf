import type { Pieces } from '../../kit/pieces.ts'
import { fatImage } from '../../protocols/fat/write.ts'
import { isoImage } from '../../protocols/iso9660/write.ts'
import { type DiscContent, discScript } from './script.ts'

/** The programs that a disc boots with, the same for all discs. */
export type DiscPrograms = Readonly<{
  /** ISOLINUX, which a BIOS runs, and its library. */
  isolinux: Uint8Array
  ldlinux: Uint8Array
  /** iPXE as ISOLINUX runs it. */
  bios: Uint8Array
  /** iPXE for UEFI. From 2021 on it runs `autoexec.ipxe`; an older one asks DHCP. */
  efi: Uint8Array
}>

/**
 * A disc that boots one machine from this server, by BIOS and by UEFI. Some 2 MB, of which only some kilobytes are its own; the
 * programs are shared.
 */
export function bootDisc(programs: DiscPrograms, content: DiscContent): Pieces {
  const script = bytes(discScript(content))
  const fat = fatImage(
    [
      { path: 'EFI/BOOT/BOOTX64.EFI', bytes: programs.efi },
      { path: 'autoexec.ipxe', bytes: script },
    ],
    'REVEILLE',
  )
  const whole = (of: Uint8Array): Pieces => ({ size: of.length, pieces: [{ at: 0, bytes: of }] })
  const menu = bytes('DEFAULT ipxe\nPROMPT 0\nTIMEOUT 0\nLABEL ipxe\n  KERNEL ipxe.krn\n  INITRD boot.ipx\n')
  return isoImage({
    volume: 'REVEILLE',
    files: [
      { name: 'ISOLINUX.BIN', content: whole(programs.isolinux) },
      { name: 'LDLINUX.C32', content: whole(programs.ldlinux) },
      { name: 'ISOLINUX.CFG', content: whole(menu) },
      { name: 'IPXE.KRN', content: whole(programs.bios) },
      { name: 'BOOT.IPX', content: whole(script) },
      { name: 'EFI.IMG', content: fat },
    ],
    bios: 'ISOLINUX.BIN',
    efi: 'EFI.IMG',
  })
}

const bytes = (text: string) => new TextEncoder().encode(text)
