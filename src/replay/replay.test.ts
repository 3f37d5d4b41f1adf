import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Settings, type SettingsInput } from '../config/schema.ts'
import { writeClassic } from '../protocols/pcap/classic.ts'
import { LINK_TYPE } from '../protocols/pcap/packet.ts'
import { readCapture } from '../protocols/pcap/read.ts'
import { type ReplayRecord, replay } from './replay.ts'

const CAPTURES = join(import.meta.dirname, '../../test/captures')
const capture = (name: string) => new Uint8Array(readFileSync(join(CAPTURES, `${name}.pcap`)))
const run = (file: Uint8Array, settings: SettingsInput = {}) => replay(file, Settings.parse(settings))
const text = (records: readonly ReplayRecord[]) =>
  records
    .map(({ at, summary, reason }) =>
      `${new Date(at).toISOString().slice(11, 23)} ${summary}\n             ${reason}`.trimEnd(),
    )
    .join('\n')

describe.each(['bios-ipxe-rom', 'uefi-snponly', 'uefi-proxy'])('%s', (name) => {
  test.each(['server', 'proxy'] as const)('with dhcp.mode %s', async (mode) => {
    const records = await run(capture(name), { dhcp: { mode } })
    await expect(`${text(records)}\n`).toMatchFileSnapshot(join(CAPTURES, `${name}.${mode}.txt`))
  })
})

const firmware = (records: readonly ReplayRecord[]) => records.map((each) => each.summary).join('\n')

test('in the place of the recorded server a whole boot is answered, with the addresses that were given then', async () => {
  const told = firmware(await run(capture('uefi-snponly'), { dhcp: { mode: 'server' } }))
  expect(told).toMatch(/sent DISCOVER: Reveille would answer OFFER: .*10\.66\.0\.51.*snponly\.efi/)
  expect(told).toMatch(/sent REQUEST: Reveille would answer ACK: .*10\.66\.0\.51/)
  expect(told).toMatch(/iPXE.*http:\/\/10\.66\.0\.1:8080\/boot\/start\.ipxe/)
  expect(told).toMatch(/asked for snponly\.efi over TFTP: Reveille would send it/)
  expect(told).toMatch(/asked for done\.ipxe over TFTP: Reveille would refuse/)
})

test('as a proxy it leaves addresses to the other server and answers on port 4011', async () => {
  const told = firmware(await run(capture('uefi-proxy'), { dhcp: { mode: 'proxy' } }))
  expect(told).toMatch(/beside 10\.66\.0\.1/)
  expect(told).toMatch(/sent REQUEST: Reveille would not answer: .*10\.66\.0\.52 from the DHCP server 10\.66\.0\.1/)
  expect(told).toMatch(/In the capture 10\.66\.0\.3 answered .*snponly\.efi/)
})

test('without a mode in the settings it takes the one that suits, and says so', async () => {
  const [intro] = await run(capture('uefi-snponly'))
  expect(intro).toMatchObject({
    summary: expect.stringContaining('dhcp.mode proxy'),
    reason: expect.stringContaining('off'),
  })
})

test('networks of the settings decide who gets what', async () => {
  const records = await run(capture('uefi-snponly'), {
    dhcp: { mode: 'server' },
    networks: [{ name: 'rack', interface: 'eth7', subnet: '10.66.0.0/24', ranges: ['10.66.0.200-10.66.0.210'] }],
  })
  expect(firmware(records)).toMatch(/OFFER: .*10\.66\.0\.20\d/)
  expect(firmware(records)).toMatch(/REQUEST: Reveille would answer NAK/)
})

test('unknown machines are ignored when the settings say so', async () => {
  const told = firmware(await run(capture('uefi-snponly'), { dhcp: { mode: 'proxy' }, unknownMachines: 'ignore' }))
  expect(told).toMatch(/DISCOVER: Reveille would not answer/)
  expect(told).not.toMatch(/would answer OFFER/)
})

test('damaged packets are told as such and the rest goes on', async () => {
  const { packets } = readCapture(capture('bios-ipxe-rom'))
  const first = packets[0]!.bytes.slice()
  // The magic cookie lies behind 14 + 20 + 8 + 236 bytes.
  first[278] = 0
  const file = writeClassic(LINK_TYPE.ethernet, [{ at: packets[0]!.at, bytes: first }, ...packets.slice(1)])
  const told = firmware(await run(file, { dhcp: { mode: 'server' } }))
  expect(told).toMatch(/malformed packet to port 67: it would be dropped/)
  expect(told).toMatch(/would answer ACK/)
})

test('a file that is cut off is told up to the cut; one without boot packets tells nothing; no capture at all is refused', async () => {
  const whole = capture('uefi-snponly')
  const records = await run(whole.subarray(0, whole.length - 10))
  expect(records.at(-1)).toMatchObject({
    summary: 'The capture ends early',
    reason: expect.stringContaining('cut off'),
  })
  expect(await run(writeClassic(LINK_TYPE.ethernet, [{ at: 1, bytes: new Uint8Array(60) }]))).toEqual([])
  await expect(run(new TextEncoder().encode('not a capture'))).rejects.toMatchObject({ code: 'validation-failed' })
})
