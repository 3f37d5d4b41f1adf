/** What a machine prints that boots one of these disks. */
export const LOCAL = 'REVEILLE-LOCAL: booted from its own disk'

/** A disk that a BIOS boots: one sector of code that prints and stops. */
export function biosDisk(): Uint8Array {
  const sector = Buffer.alloc(512)
  sector.set([
    ...[0x31, 0xc0], // xor ax, ax
    ...[0x8e, 0xd8], // mov ds, ax
    ...[0xbe, 0x1a, 0x7c], // mov si, text (at 26)
    0xfc, // cld
    0xac, // next: lodsb
    ...[0x84, 0xc0], // test al, al
    ...[0x74, 0x09], // jz stop
    ...[0xb4, 0x0e], // mov ah, teletype
    ...[0xbb, 0x07, 0x00], // mov bx, 7
    ...[0xcd, 0x10], // int 0x10
    ...[0xeb, 0xf2], // jmp next
    0xfb, // stop: sti
    0xf4, // hlt
    ...[0xeb, 0xfd], // jmp hlt
  ])
  sector.write(`${LOCAL}\r\n\0`, 26, 'latin1')
  sector.writeUInt16LE(0xaa55, 510)
  return sector
}

/** A UEFI application (PE32+) that prints and stops. */
function efiApplication(): Buffer {
  const file = Buffer.alloc(1024)
  file.write('MZ', 0, 'latin1')
  file.writeUInt32LE(0x40, 0x3c)
  file.write('PE\0\0', 0x40, 'latin1')
  const coff = 0x44
  file.writeUInt16LE(0x8664, coff)
  file.writeUInt16LE(1, coff + 2)
  file.writeUInt16LE(240, coff + 16)
  // Executable, addresses above 2 GiB; relocatable, though there is nothing to relocate.
  file.writeUInt16LE(0x22, coff + 18)
  const optional = coff + 20
  file.writeUInt16LE(0x20b, optional)
  file.writeUInt32LE(0x200, optional + 4)
  file.writeUInt32LE(0x1000, optional + 16)
  file.writeUInt32LE(0x1000, optional + 20)
  file.writeUInt32LE(0x1000, optional + 32)
  file.writeUInt32LE(0x200, optional + 36)
  file.writeUInt32LE(0x2000, optional + 56)
  file.writeUInt32LE(0x200, optional + 60)
  file.writeUInt16LE(10, optional + 68)
  file.writeUInt32LE(16, optional + 108)
  const section = optional + 240
  file.write('.text', section, 'latin1')
  for (const [offset, value] of [
    [8, 0x200],
    [12, 0x1000],
    [16, 0x200],
    [20, 0x200],
    [36, 0x60000020],
  ] as const)
    file.writeUInt32LE(value, section + offset)
  file.set(
    [
      ...[0x48, 0x83, 0xec, 0x28], // sub rsp, 0x28
      ...[0x48, 0x8b, 0x4a, 0x40], // mov rcx, [rdx + ConOut]
      ...[0x48, 0x8d, 0x15, 0x11, 0x00, 0x00, 0x00], // lea rdx, [text] (at 32)
      ...[0xff, 0x51, 0x08], // call [rcx + OutputString]
      0xf4, // stop: hlt
      ...[0xeb, 0xfd], // jmp stop
    ],
    0x200,
  )
  file.write(`${LOCAL}\r\n\0`, 0x220, 'utf16le')
  return file
}

/** A disk that UEFI boots: a FAT12 file system with `EFI/BOOT/BOOTX64.EFI`, as on a floppy of 1440 KiB. */
export function uefiDisk(): Uint8Array {
  const program = efiApplication()
  const disk = Buffer.alloc(40 * 512)
  disk.set([0xeb, 0x3c, 0x90], 0)
  disk.write('REVEILLE', 3, 'latin1')
  disk.writeUInt16LE(512, 11)
  disk[13] = 1 // sectors in a cluster
  disk.writeUInt16LE(1, 14) // reserved sectors
  disk[16] = 2 // tables
  disk.writeUInt16LE(224, 17) // entries of the root folder: 14 sectors
  disk.writeUInt16LE(2880, 19) // sectors
  disk[21] = 0xf0
  disk.writeUInt16LE(9, 22) // sectors of a table
  disk.writeUInt16LE(18, 24)
  disk.writeUInt16LE(2, 26)
  disk[38] = 0x29
  disk.write('REVEILLE   FAT12   ', 43, 'latin1')
  disk.writeUInt16LE(0xaa55, 510)
  // Clusters 2 and 3 are the folders, 4 and 5 the program; 12 bits each.
  const chain = [0xff0, 0xfff, 0xfff, 0xfff, 5, 0xfff]
  for (const table of [1, 10])
    chain.forEach((next, cluster) => {
      const at = table * 512 + Math.floor(cluster * 1.5)
      const both = disk.readUInt16LE(at)
      disk.writeUInt16LE(cluster % 2 === 0 ? (both & 0xf000) | next : (both & 0x000f) | (next << 4), at)
    })
  const root = 19 * 512
  const cluster = (number: number) => (33 + number - 2) * 512
  entry(disk, root, 'EFI        ', 2)
  entry(disk, cluster(2), '.          ', 2)
  entry(disk, cluster(2) + 32, '..         ', 0)
  entry(disk, cluster(2) + 64, 'BOOT       ', 3)
  entry(disk, cluster(3), '.          ', 3)
  entry(disk, cluster(3) + 32, '..         ', 2)
  entry(disk, cluster(3) + 64, 'BOOTX64 EFI', 4, program.length)
  disk.set(program, cluster(4))
  return disk
}

/** One line of a folder: a folder itself unless it has a size. */
function entry(disk: Buffer, at: number, name: string, first: number, size = 0): void {
  disk.write(name, at, 'latin1')
  disk[at + 11] = size === 0 ? 0x10 : 0x20
  disk.writeUInt16LE(first, at + 26)
  disk.writeUInt32LE(size, at + 28)
}
