import { encodeScript, type IpxeScript } from '../../protocols/ipxe/script.ts'
import type { Text } from '../../protocols/ipxe/text.ts'
import { BOOT_PATHS } from '../paths.ts'
import { askAgain, echo } from './lines.ts'
import { QUERY } from './request.ts'

/**
 * The first script, the same for every machine: it tells us who asks. The MAC comes first and free text last and in hex, so that
 * whatever a maker wrote into a serial number cannot pass for anything else.
 */
export function startScript(base: string): IpxeScript {
  const url: Text = [
    `${base}${BOOT_PATHS.script}?${QUERY.mac}=`,
    { setting: 'mac' },
    `&${QUERY.platform}=`,
    { setting: 'platform' },
    `&${QUERY.architecture}=`,
    { setting: 'arch' },
    `&${QUERY.uuid}=`,
    { setting: 'uuid' },
    `&${QUERY.serial}=`,
    { setting: 'serial', as: 'hexraw' },
    `&${QUERY.manufacturer}=`,
    { setting: 'manufacturer', as: 'hexraw' },
    `&${QUERY.product}=`,
    { setting: 'product', as: 'hexraw' },
  ]
  return [
    echo(`Reveille: asking ${base} what to boot`),
    { run: [{ do: 'set', setting: 'mac', value: [{ setting: 'net0/mac' }] }], otherwise: 'next' },
    // With several cards the one that found us counts, and that need not be the first.
    {
      run: [
        { do: 'isset', value: { setting: 'netX/mac' } },
        { do: 'set', setting: 'mac', value: [{ setting: 'netX/mac' }] },
      ],
      otherwise: 'next',
    },
    { run: [{ do: 'set', setting: 'arch', value: [{ setting: 'buildarch' }] }], otherwise: 'next' },
    // A BIOS build of iPXE is always i386; only the processor tells whether a 64-bit system runs on it.
    { run: [{ do: 'is-64-bit' }, { do: 'set', setting: 'arch', value: 'x86_64' }], otherwise: 'next' },
    { run: [{ do: 'chain', url }], otherwise: 'next' },
    echo('Reveille: the server did not give a script'),
    ...askAgain(url, 5),
  ]
}

export function startText(base: string): string {
  return encodeScript(startScript(base))
}
