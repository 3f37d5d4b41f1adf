import { expect, test } from 'vitest'
import { ProfileSpec } from '../../profiles/profile.ts'
import { type Fields, fieldsOf, KINDS, NEW, specOf } from './spec.ts'
import { NEW_TARGET } from './target.ts'

const fields: Fields = {
  ...NEW,
  name: 'x',
  image: 'debian@2',
  targets: [{ ...NEW_TARGET, image: 'debian@2' }],
  items: [{ profile: 'debian', label: '' }],
  default: 'debian',
}

test.each(KINDS)('the form of kind %s gives what the API takes, and nothing else', (kind) => {
  const spec = specOf({ ...fields, kind })
  expect(ProfileSpec.parse(spec)).toMatchObject({ name: 'x', kind })
})

test('a profile that is edited and not changed stays what it was', () => {
  const spec = { name: 'd', description: '', kind: 'live' as const, image: 'debian', cmdline: 'quiet', files: [] }
  const times = { createdAt: '2026-11-21T00:00:00Z', updatedAt: '2026-11-21T00:00:00Z', usedBy: 0 }
  expect(specOf(fieldsOf({ ...spec, ...times }))).toEqual(spec)
})
