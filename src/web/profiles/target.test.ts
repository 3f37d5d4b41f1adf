import { describe, expect, test } from 'vitest'
import { KEPT } from '../../profiles/hidden.ts'
import { InstallIdentity, InstallTarget } from '../../profiles/profile.ts'
import { identityFields, identityOf, NEW_TARGET, NO_IDENTITY, targetFields, targetOf, targetText } from './target.ts'

const hints = { serial: 'S1', model: 'Pro', transport: 'nvme', rotational: false, leastBytes: 100 * 1024 ** 3 } as const
const target = { image: 'debian@3', partition: 2, writeBack: true, disk: hints }

describe('a target in a form', () => {
  test('stays what it was when it is not changed', () => expect(targetOf(targetFields(target))).toEqual(target))
  test('says nothing of the disk where nothing was typed', () =>
    expect(targetOf({ ...NEW_TARGET, image: 'debian', serial: '  ' })).toEqual({
      ...{ image: 'debian', partition: null, writeBack: false, disk: {} },
    }))
  test('is what the API takes', () => expect(InstallTarget.parse(targetOf(targetFields(target)))).toEqual(target))
  test('has words', () => {
    expect(targetText(target)).toBe(
      'debian@3 to partition 2 of serial S1, model Pro, nvme, solid state, at least 100 GiB, saved before the next',
    )
    expect(targetText({ ...target, disk: {}, partition: null, writeBack: false })).toBe('debian@3 to the armed disk')
  })
})

describe('an identity in a form', () => {
  test('nothing typed is no identity at all', () => expect(identityOf(NO_IDENTITY)).toBeNull())
  test('stays what it was when it is not changed', () => {
    const identity = InstallIdentity.parse({ hostname: true, sshKeys: ['ssh-ed25519 AAAA a', 'ssh-rsa BBBB b'] })
    expect(identityOf(identityFields(identity))).toEqual(identity)
  })
  test('a password hash that is there and not shown stays', () => {
    const identity = InstallIdentity.parse({ passwordHash: KEPT })
    expect(identityOf(identityFields(identity))?.passwordHash).toBe(KEPT)
  })
  test('blank lines and comments between keys are left out', () =>
    expect(identityOf({ ...NO_IDENTITY, sshKeys: '# mine\nssh-ed25519 AAAA a\n\n' })?.sshKeys).toEqual([
      'ssh-ed25519 AAAA a',
    ]))
})
