import { expect, test } from 'vitest'
import { ProfileSpec } from '../../profiles/profile.ts'
import { NEW_DISK } from './disks.ts'
import { type Fields, fieldsOf, KINDS, NEW, ofKind, specOf } from './spec.ts'
import { NEW_TARGET } from './target.ts'

const fields: Fields = {
  ...NEW,
  name: 'x',
  image: 'debian@2',
  disks: [{ ...NEW_DISK, image: 'debian@2' }],
  targets: [{ ...NEW_TARGET, image: 'debian@2' }],
  items: [{ profile: 'debian', label: '' }],
  default: 'debian',
}

test.each(KINDS)('the form of kind %s gives what the API takes, and nothing else', (kind) => {
  const spec = specOf({ ...fields, kind })
  expect(ProfileSpec.parse(spec)).toMatchObject({ name: 'x', kind })
})

test('a profile that is edited and not changed stays what it was', () => {
  const spec = {
    name: 'd',
    description: '',
    kind: 'live' as const,
    image: 'debian',
    cmdline: 'quiet',
    files: [],
    config: null,
    disks: [],
  }
  const times = { createdAt: '2026-11-21T00:00:00Z', updatedAt: '2026-11-21T00:00:00Z', usedBy: 0 }
  expect(specOf(fieldsOf({ ...spec, ...times }))).toEqual(spec)
})

test('a diskless profile has a disk from the beginning, and what was typed stays when the kind is chosen again', () => {
  expect(ofKind(NEW, 'diskless').disks).toEqual([NEW_DISK])
  expect(ofKind({ ...NEW, disks: fields.disks }, 'diskless').disks).toEqual(fields.disks)
  expect(ofKind(NEW, 'live').disks).toEqual([])
})

test('the passwords of a menu are sent back as they came: kept, new, or none', () => {
  const items = [
    { profile: 'a', label: '', password: '$kept$unchanged' },
    { profile: 'b', label: '', password: '' },
    { profile: 'c', label: '' },
  ]
  expect(specOf({ ...NEW, kind: 'menu', name: 'm', items, default: 'a' })).toMatchObject({
    items: [{ password: '$kept$unchanged' }, { password: null }, { password: null }],
  })
})
