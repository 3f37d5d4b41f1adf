/** What firmware can be told to boot from. `http`: UEFI HTTP boot; `setup`: its own setup program; `media`: the virtual drive of the BMC. */
export const BOOT_DEVICES = ['pxe', 'http', 'disk', 'cdrom', 'usb', 'media', 'setup', 'diag'] as const
export type BootDevice = (typeof BOOT_DEVICES)[number]

/** An order to the firmware of a machine. `persistent` false: for the next start only. `efi`: as UEFI, not as legacy BIOS. */
export type BootOrder = Readonly<{ device: BootDevice; persistent: boolean; efi: boolean }>
