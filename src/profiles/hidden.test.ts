import { describe, expect, test } from 'vitest'
import { KEPT, shown, unhidden } from './hidden.ts'
import { ProfileSpec } from './profile.ts'

const HASH = '$6$salt$0123456789abcdef'
const spec = (passwordHash: string | null) =>
  ProfileSpec.parse({
    name: 'server',
    kind: 'install',
    targets: [{ image: 'debian' }],
    identity: { passwordHash, userData: '#cloud-config\npassword: secret\n' },
  })

describe('what an install profile keeps to itself', () => {
  test('the hash is never shown, what is written into systems only to those who may write profiles', () => {
    expect(shown(spec(HASH), true)).toMatchObject({ identity: { passwordHash: KEPT } })
    expect(JSON.stringify(shown(spec(HASH), true))).not.toContain(HASH)
    expect(shown(spec(HASH), false)).toMatchObject({ identity: { userData: null } })
    expect(shown(spec(null), false)).toMatchObject({ identity: { passwordHash: null } })
  })

  test('what was shown can be sent back without losing the hash', () => {
    const before = spec(HASH)
    expect(unhidden(shown(before, true), before)).toEqual(before)
  })

  test('a hash that is not there cannot be kept', () => {
    expect(() => unhidden(spec(KEPT), undefined)).toThrow('no password hash')
    expect(() => unhidden(spec(KEPT), spec(null))).toThrow('no password hash')
  })

  test('a clear password is refused', () => {
    expect(() => spec('hunter2')).toThrow('openssl passwd')
  })
})
