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
    expect(shown(spec(HASH), false)).toMatchObject({ identity: { userData: KEPT, metaData: null, ignition: null } })
    expect(JSON.stringify(shown(spec(HASH), false))).not.toContain('#cloud-config')
    expect(shown(spec(null), false)).toMatchObject({ identity: { passwordHash: null } })
  })

  test('what was shown can be sent back without losing what was hidden', () => {
    const before = spec(HASH)
    expect(unhidden(shown(before, true), before)).toEqual(before)
    expect(unhidden(shown(before, false), before)).toEqual(before)
    expect(() => unhidden(shown(before, false), undefined)).toThrow('no password hash that could be kept')
    expect(() => unhidden(shown(spec(null), false), undefined)).toThrow('no cloud-init user-data that could be kept')
  })

  test('a hash that is not there cannot be kept', () => {
    expect(() => unhidden(spec(KEPT), undefined)).toThrow('no password hash')
    expect(() => unhidden(spec(KEPT), spec(null))).toThrow('no password hash')
  })

  test('a clear password is refused', () => {
    expect(() => spec('hunter2')).toThrow('openssl passwd')
  })
})

describe('the passwords of a menu', () => {
  const menu = (...passwords: (string | null)[]) =>
    ProfileSpec.parse({
      name: 'room',
      kind: 'menu',
      items: passwords.map((password, i) => ({ profile: `p${i}`, password })),
      default: 'p0',
    })

  test('are never shown, whoever asks', () => {
    expect(shown(menu(null, 'open-sesame'), true)).toMatchObject({ items: [{ password: null }, { password: KEPT }] })
  })

  test('stay when what was shown is sent back, also in another order', () => {
    const before = menu(null, 'open-sesame')
    expect(unhidden(shown(before, true), before)).toEqual(before)
    if (before.kind !== 'menu') throw new Error('not a menu')
    const turned = { ...before, items: [...before.items].reverse() }
    expect(unhidden(shown(turned, true), before)).toEqual(turned)
  })

  test('are never taken from another entry, nor kept where there is none', () => {
    expect(() => unhidden(menu(KEPT, null), menu(null, 'open-sesame'))).toThrow('p0 has no password in room')
    expect(() => unhidden(menu(null, KEPT), undefined)).toThrow('p1 has no password in room')
  })
})
