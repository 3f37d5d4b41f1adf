import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '../../kit/clock.ts'
import { Refusal } from '../../kit/errors.ts'
import { parseIpv4, parseSubnet } from '../../kit/ip.ts'
import { SILENT } from '../../kit/log.ts'
import type { Mac } from '../../kit/mac.ts'
import type { Machine } from '../../machines/machine.ts'
import type { Network } from '../../networks/network.ts'
import { readRoot } from '../../protocols/iso9660/read.ts'
import { serveBoot } from '../loader/target.ts'
import { discScript } from './script.ts'
import { BootDiscs, networkOf } from './serve.ts'

const network = {
  subnet: parseSubnet('10.0.0.0/24')!,
  router: parseIpv4('10.0.0.1')!,
  dns: [parseIpv4('10.0.0.2')!],
} as unknown as Network
let machine: Machine | undefined
let clock: ManualClock
let discs: BootDiscs
let stop: () => void
let url: string
let missing: boolean

beforeEach(async () => {
  machine = { id: 'm_1', name: 'node1', macs: ['52:54:00:00:00:01' as Mac], ip: '10.0.0.9' } as unknown as Machine
  clock = new ManualClock()
  missing = false
  const program = (seed: number) => Uint8Array.from({ length: 4000 }, (_, index) => (index + seed) & 0xff)
  discs = new BootDiscs({
    machine: (id) => (id === machine?.id ? machine : undefined),
    networks: () => [network],
    async programs() {
      if (missing)
        throw new Refusal('not-available', 'There is no iPXE here.', { next: 'install the Debian package ipxe' })
      return { isolinux: program(1), ldlinux: program(2), bios: program(3), efi: program(4) }
    },
    base: () => url,
    key: new Uint8Array(32).fill(7),
    clock,
    log: SILENT,
  })
  const server = createServer(serveBoot({ handlers: [discs.handler], log: SILENT }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  stop = () => server.close().closeAllConnections()
})
afterEach(() => stop())

const scriptOn = (iso: ArrayBuffer) => new TextDecoder().decode(readRoot(new Uint8Array(iso)).get('BOOT.IPX'))

test('the disc of a machine is served whole and in parts, and stays what it is while it is read', async () => {
  const place = await discs.urlFor(machine!)
  expect(place).toMatch(/\/boot\/disc\/[A-Za-z0-9._~-]+\/boot\.iso$/)
  const whole = await fetch(place)
  const iso = await whole.arrayBuffer()
  expect(scriptOn(iso)).toContain('/ip 10.0.0.9\n')
  const head = await fetch(place, { method: 'HEAD' })
  expect(head.headers.get('content-length')).toBe(String(iso.byteLength))
  machine = { ...machine!, ip: '10.0.0.10' }
  const part = await fetch(place, { headers: { range: 'bytes=32768-34815' } })
  expect([part.status, part.headers.get('etag')]).toEqual([206, whole.headers.get('etag')])
  expect(await part.arrayBuffer()).toEqual(iso.slice(32_768, 34_816))
  clock.advance(1)
  expect(scriptOn(await (await fetch(await discs.urlFor(machine))).arrayBuffer())).toContain('10.0.0.10')
  expect((await fetch(place, { headers: { range: 'bytes=99999999-' } })).status).toBe(416)
  expect((await fetch(place, { method: 'POST' })).status).toBe(405)
})

test('words that were made up, have expired or name a machine that is gone open nothing', async () => {
  const place = await discs.urlFor(machine!)
  expect((await fetch(place.replace('~m_1~', '~m_2~'))).status).toBe(404)
  machine = undefined
  expect((await fetch(place)).status).toBe(404)
  machine = { id: 'm_1', name: 'node1', macs: [], ip: null } as unknown as Machine
  await expect(discs.urlFor(machine)).rejects.toMatchObject({ code: 'wrong-state' })
  clock.advance(31 * 86_400_000)
  expect((await fetch(place)).status).toBe(404)
})

test('without the programs it says what to install, and looks again', async () => {
  missing = true
  await expect(discs.urlFor(machine!)).rejects.toMatchObject({ next: 'install the Debian package ipxe' })
  missing = false
  await discs.urlFor(machine!)
})

test('a machine whose address is in none of our networks asks DHCP', () => {
  expect(networkOf('10.0.0.9', [network])).toMatchObject({ gateway: parseIpv4('10.0.0.1') })
  expect(networkOf('192.0.2.1', [network])).toBeNull()
  expect(networkOf(null, [network])).toBeNull()
})

test('nothing in a script can become another command', () => {
  const base = 'http://10.0.0.1:8080'
  expect(() => discScript({ macs: [], network: null, base: 'http://x/\nshell' })).toThrow(RangeError)
  const script = discScript({ macs: ['no mac\nshell' as Mac, '52:54:00:00:00:01' as Mac], network: null, base })
  expect(script).not.toContain('shell')
  expect(script).toContain('\ndhcp net')
})
