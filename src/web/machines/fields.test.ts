import { expect, test } from 'vitest'
import { asNew, changes, type MachineFields } from './fields.ts'

const fields: MachineFields = {
  name: 'node-0001',
  macs: ['52:54:00:00:00:01'],
  profile: 'debian',
  ip: '10.0.0.5',
  hostname: '',
  tags: ['rack=a3'],
  notes: '',
  serial: '',
  architecture: null,
  firmware: 'bios',
  bootLoader: 'auto',
}

test('only what changed is sent, so that others keep their changes', () => {
  expect(changes(fields, fields)).toEqual({})
  expect(changes(fields, { ...fields, notes: 'fan is loud', tags: ['rack=a3', 'gpu'] })).toEqual({
    notes: 'fan is loud',
    tags: ['rack=a3', 'gpu'],
  })
})

test('an emptied address, host name or serial is taken back, empty notes are just empty', () => {
  expect(changes({ ...fields, notes: 'x' }, { ...fields, ip: '', notes: '' })).toEqual({ ip: null, notes: '' })
})

test('a new machine without a name leaves naming to the server', () => {
  const made = asNew({ ...fields, name: '', ip: '', tags: [], firmware: null })
  expect(made).toEqual({ macs: ['52:54:00:00:00:01'], profile: 'debian' })
})
