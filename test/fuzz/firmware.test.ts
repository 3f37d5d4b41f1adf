import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCpuinfo } from '../../src/agent/inventory/computer.ts'
import { readSmart } from '../../src/agent/inventory/smart.ts'
import { DecodeError } from '../../src/kit/errors.ts'
import { structureTypes } from '../../src/protocols/dmi/structures.ts'
import {
  type DeviceNode,
  encodeBootOrder,
  encodeLoadOption,
  parseBootOrder,
  parseLoadOption,
} from '../../src/protocols/efi/load-option.ts'
import { ataIdentity, naaOf } from '../../src/protocols/scsi/inquiry.ts'
import { fuzzCount, fuzzSeed, Mutator } from './mutator.ts'

const guid = Uint8Array.from({ length: 16 }, (_, i) => i)
const OPTION = encodeLoadOption({
  name: 'UEFI PXEv4',
  path: [
    { kind: 'other', type: 1, subtype: 1, data: Uint8Array.of(0, 3) },
    { kind: 'mac', mac: Uint8Array.of(2, 0, 0, 0, 0, 1) },
    { kind: 'partition', number: 1, firstLba: 2048, blocks: 200_000, guid },
    { kind: 'file', path: '\\EFI\\BOOT\\BOOTX64.EFI' },
  ],
})
const PAGE83 = Uint8Array.of(0, 0x83, 0, 19, 2, 1, 0, 3, 97, 98, 99, 1, 3, 0, 8, 0x50, 1, 2, 3, 4, 5, 6, 7)
const PAGE89 = new Uint8Array(572).fill(65, 60)
PAGE89.set([0, 0x89, 2, 0x38])
const DMI = Uint8Array.of(1, 5, 0, 0, 1, 0x41, 0, 0, 38, 4, 1, 0, 0, 0, 127, 4, 2, 0, 0, 0)
const text = new TextEncoder()
const SMART = text.encode(
  JSON.stringify({ smart_status: { passed: true }, ata_smart_attributes: { table: [{ id: 5, raw: { value: 3 } }] } }),
)
const CPU = text.encode('processor\t: 0\nmodel name\t: X\nphysical id\t: 0\ncore id\t: 0\n\nprocessor\t: 1\n')

const PARSERS: readonly (readonly [string, Uint8Array, (bytes: Uint8Array) => unknown])[] = [
  ['boot options', OPTION, parseLoadOption],
  ['boot orders', encodeBootOrder(['0001', 'BEEF']), parseBootOrder],
  ['device identification pages', PAGE83, naaOf],
  ['ATA information pages', PAGE89, ataIdentity],
  ['SMBIOS tables', DMI, structureTypes],
  ['answers of smartctl', SMART, (bytes) => readSmart(Buffer.from(bytes).toString())],
  ['cpuinfo', CPU, (bytes) => parseCpuinfo(Buffer.from(bytes).toString())],
]

for (const [what, sample, parse] of PARSERS)
  test(`damaged ${what}: told or refused, never a fault, never large`, () => {
    const mutator = new Mutator(fuzzSeed(what))
    let understood = 0
    for (let i = 0; i < fuzzCount(); i++) {
      const input = mutator.mutate(sample)
      try {
        const told = parse(input)
        understood++
        expect(JSON.stringify(told ?? null).length).toBeLessThan(64 * (input.length + 64))
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
    }
    expect(understood).toBeGreaterThan(fuzzCount() / 20)
  })

test('boot options are read back as they were written', () => {
  const u48 = fc.integer({ min: 0, max: 2 ** 48 })
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
  const plain = fc.string({ maxLength: 60 }).map((value) => value.replaceAll('\0', ''))
  const node: fc.Arbitrary<DeviceNode> = fc.oneof(
    fc.record({
      kind: fc.constant('partition' as const),
      number: fc.nat(128),
      firstLba: u48,
      blocks: u48,
      guid: bytes(16),
    }),
    fc.record({ kind: fc.constant('file' as const), path: plain }),
    fc.record({ kind: fc.constant('mac' as const), mac: bytes(6) }),
  )
  fc.assert(
    fc.property(plain, fc.array(node, { maxLength: 8 }), (name, path) => {
      expect(parseLoadOption(encodeLoadOption({ name, path }))).toMatchObject({ name, path, active: true })
    }),
  )
})
