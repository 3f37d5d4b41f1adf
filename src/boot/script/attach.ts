import type { Profile } from '../../profiles/profile.ts'
import type { IpxeScript } from '../../protocols/ipxe/script.ts'
import type { BootDisks } from '../../volumes/boot-disks.ts'
import { forgetTyped, step } from './lines.ts'

/** The first disk of a BIOS. UEFI has no such numbers; there it is a name that iPXE itself uses. */
export const FIRST_DRIVE = 0x80

/** Whether machines boot this profile with disks of ours. */
export function hasDisks(profile: Profile): boolean {
  return 'disks' in profile && profile.disks.length > 0
}

/**
 * Logs in to the first disk as the machine, so that the firmware has it as a drive and the iBFT tells the system how to log in. The
 * others are LUNs of the same target: the system finds them by itself.
 */
export function attach(disks: BootDisks, hideGateway: boolean): IpxeScript {
  const { host, port, target, firstLun, initiator, chap } = disks
  return [
    { run: [{ do: 'set', setting: 'initiator-iqn', value: initiator }] },
    ...(chap
      ? ([
          { run: [{ do: 'set', setting: 'username', value: chap.user }] },
          { run: [{ do: 'set', setting: 'password', value: chap.secret }] },
        ] as const)
      : forgetTyped()),
    // Windows makes a route to the disk's server through the gateway of the iBFT, also where both are on one wire.
    ...(hideGateway ? ([{ run: [{ do: 'set', setting: 'netX/gateway', value: '0.0.0.0' }] }] as const) : []),
    // What a boot before left attached would be in the way.
    { run: [{ do: 'sanunhook', drive: FIRST_DRIVE }], otherwise: 'next' },
    ...step('attach', { do: 'sanhook', drive: FIRST_DRIVE, disk: { host, port, target, lun: firstLun } }),
  ]
}

/** After a failure: as it was before `attach`. */
export function detach(hideGateway: boolean): IpxeScript {
  return [
    { run: [{ do: 'sanunhook', drive: FIRST_DRIVE }], otherwise: 'next' },
    ...forgetTyped(),
    ...(hideGateway ? ([{ run: [{ do: 'clear', setting: 'netX/gateway' }], otherwise: 'next' }] as const) : []),
  ]
}
