/** Machines with one tag. */
export const ROOM = 300
/** Of 4096 bytes. */
export const SHA256_OF_ZEROS = 'ad7facb2586fc6e966c004d7d1d16b024f5805ff7cb47c7a85dabd8b48892ca7'

const hex = (number: number) => (number & 255).toString(16).padStart(2, '0')

export const macOf = (number: number, card = 0) =>
  `52:54:${hex(card)}:${hex(number >> 16)}:${hex(number >> 8)}:${hex(number)}`
export const nameOf = (number: number) => `node-${String(number).padStart(5, '0')}`
const addressOf = (number: number) => `10.8.${Math.floor(number / 250)}.${(number % 250) + 1}`

/**
 * A site as a manifest: machines with two cards, an address, a room, a rack and a value of their own for the config that they are
 * given. The first `special` have a BMC, a power driver and boot from a disk of their own.
 */
export function siteOf(count: number, special: number, powerUrl: string) {
  const machines = Array.from({ length: count }, (_, n) => ({
    name: nameOf(n),
    macs: [macOf(n), macOf(n, 1)],
    tags: [`room-${Math.floor(n / ROOM)}`, `rack-${Math.floor(n / 40)}`, n % 2 ? 'odd' : 'even'],
    notes: `delivered with batch ${n % 7}`,
    ip: addressOf(n),
    profile: n < special ? 'desktop' : 'linux',
    ...(n < special ? { power: [driverAt(powerUrl)] } : {}),
  }))
  const userData =
    '#cloud-config\nhostname: {{ machine.name }}\nruncmd:\n  - [echo, "{{ position }} of {{ machine.ip }}"]\n'
  return {
    machines,
    bmcs: machines.slice(0, special).map(({ name }) => ({ machine: name })),
    profiles: [
      { name: 'linux', kind: 'live' as const, image: 'linux', config: 'seed', cmdline: 'ds={{nocloud}}' },
      { name: 'desktop', kind: 'diskless' as const, disks: [{ use: 'overlay' as const, image: 'os' }] },
    ],
    configs: [
      {
        name: 'seed',
        kind: 'cloud-init' as const,
        variables: [{ name: 'position', type: 'number' as const, default: 0 }],
        parts: [{ name: 'user-data', content: userData }],
      },
    ],
    values: machines.map(({ name }, n) => ({ scope: `machine:${name}`, name: 'position', value: n })),
  }
}

/** One for each machine, as rows of the file of leases. */
export function leasesOf(count: number, now: number, numberOf: (address: string) => number) {
  return Array.from({ length: count }, (_, n) => [
    ...[numberOf(addressOf(n)), 'lan', `1:${macOf(n)}`, macOf(n), nameOf(n), 'bound'],
    ...[now, now + 3_600_000],
  ]).flat()
}

function driverAt(url: string) {
  const to = (path: string) => ({ method: 'POST' as const, path })
  return {
    name: 'cloud',
    settings: {
      kind: 'http' as const,
      url,
      actions: { on: to('/on'), off: to('/off'), cycle: to('/on') },
      state: { method: 'GET' as const, path: '/state', on: ['on'], off: ['off'] },
    },
  }
}
