import { describe, expect, test } from 'vitest'
import type { Mac } from '../kit/mac.ts'
import { blankMachine } from './edit.ts'
import { learned, sameMachine, tellingText, tellingUuid } from './identity.ts'

const UUID = '4c4c4544-0042-3510-8052-b4c04f4d3232'
const mac = '52:54:00:00:00:02' as Mac
const known = { ...blankMachine('m_1', 'node-0001', 0), uuid: UUID, serial: 'ABC123' }

test.each([
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
  '03000200-0400-0500-0006-000700080009',
  'not a uuid',
  '',
])('the UUID %j tells nothing', (uuid) => expect(tellingUuid(uuid)).toBeUndefined())

test('a real UUID is kept in lower case', () => expect(tellingUuid(UUID.toUpperCase())).toBe(UUID))

test.each([
  'To Be Filled By O.E.M.',
  'Default string',
  'System Serial Number',
  'None',
  '0',
  '0000000',
  'N/A',
  '  ',
  '0123456789',
  'Not Specified',
])('the text %j tells nothing', (text) => expect(tellingText(text)).toBeUndefined())

test('firmware text is cut and cleaned', () => {
  expect(tellingText(' ABC\u0000\u00e9 1 ')).toBe('ABC 1')
  expect(tellingText('ab'.repeat(500))).toHaveLength(100)
})

describe('an unknown MAC belongs to a known machine', () => {
  test('when UUID and serial say so and nobody else has that UUID', () =>
    expect(sameMachine({ mac, uuid: UUID.toUpperCase(), serial: 'ABC123' }, [known])).toBe(known))

  test.each([
    ['the serial is not told', { mac, uuid: UUID }, [known]],
    ['the serial is another', { mac, uuid: UUID, serial: 'XYZ' }, [known]],
    ['the serial is a placeholder on both sides', { mac, uuid: UUID, serial: 'None' }, [{ ...known, serial: 'None' }]],
    ['two machines have that UUID', { mac, uuid: UUID, serial: 'ABC123' }, [known, { ...known, id: 'm_2' }]],
    ['nobody has it', { mac, uuid: UUID, serial: 'ABC123' }, []],
  ] as const)('but not when %s', (_, sighting, withUuid) => expect(sameMachine(sighting, withUuid)).toBeUndefined())
})

test('facts are filled in once, what boots now is followed, and no news is the same object', () => {
  const first = learned(known, { mac, serial: 'OTHER', product: 'R640', firmware: 'bios', architecture: 'x86_64' })
  expect(first).toMatchObject({ serial: 'ABC123', product: 'R640', firmware: 'bios', architecture: 'x86_64' })
  expect(learned(first, { mac, product: 'R650', firmware: 'uefi' })).toMatchObject({
    product: 'R640',
    firmware: 'uefi',
  })
  expect(learned(first, { mac, firmware: 'bios' })).toBe(first)
})
