import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { authorizedKeysWith, homeOfRoot, hostsWith, seedOf, shadowWith, usesSelinux } from './files.ts'

const SHADOW = 'root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nanna:$6$old:19000:0:99999:7:::\n'
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA anna@desk'

describe('the files of an installed system', () => {
  test('hosts: the own line is put in place, and only that', () => {
    expect(hostsWith('127.0.0.1 localhost\n127.0.1.1 old\n10.0.0.1 nas\n', 'node1.lab')).toBe(
      '127.0.0.1 localhost\n127.0.1.1\tnode1.lab node1\n10.0.0.1 nas\n',
    )
    expect(hostsWith('# mine\n127.0.0.1\tlocalhost\n', 'node1')).toBe(
      '# mine\n127.0.0.1\tlocalhost\n127.0.1.1\tnode1\n',
    )
    expect(hostsWith('', 'node1')).toContain('127.0.0.1\tlocalhost\n127.0.1.1\tnode1\n')
  })

  test.each(['', 'a b', 'a\nroot', '-a', 'a..b', 'a'.repeat(64)])('%j is no host name', (name) => {
    expect(() => hostsWith('', name)).toThrow(RangeError)
  })

  test('keys: the old ones stay, each is there once', () => {
    expect(authorizedKeysWith('# note\nssh-rsa AAAA old\n', [KEY, KEY])).toBe(`# note\nssh-rsa AAAA old\n${KEY}\n`)
    expect(authorizedKeysWith(`${KEY}\n`, [KEY])).toBe(`${KEY}\n`)
    for (const bad of ['', 'ssh-rsa', `${KEY}\nssh-rsa AAAA evil`])
      expect(() => authorizedKeysWith('', [bad])).toThrow(RangeError)
  })

  test('shadow: only the hash and the day of root change', () => {
    const changed = shadowWith(SHADOW, '$6$salt$hash', 20_000)
    expect(changed).toBe(SHADOW.replace('root:*:19000:', 'root:$6$salt$hash:20000:'))
    for (const bad of ['', 'a:b', 'a\nb', 'ä']) expect(() => shadowWith(SHADOW, bad, 1)).toThrow(RangeError)
    expect(() => shadowWith('daemon:*:1::::::\n', 'x', 1)).toThrow(/no line for root/)
  })

  test('shadow: whatever the file holds, other lines are kept byte for byte', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary' }).filter((line) => !/\n/.test(line) && !line.startsWith('root:'))),
        (lines) => {
          const old = [...lines, 'root:x:1:0:::::', ...lines].join('\n')
          expect(shadowWith(old, 'H', 2).split('\n')).toEqual([...lines, 'root:H:2:0:::::', ...lines])
        },
      ),
    )
  })

  test('where root lives', () => {
    expect(homeOfRoot('daemon:x:1:1::/usr/sbin:/bin/sh\nroot:x:0:0:root:/root:/bin/bash\n')).toBe('/root')
    expect(homeOfRoot('root:x:0:0::/var/root:/bin/sh\n')).toBe('/var/root')
    expect(homeOfRoot('')).toBe('/root')
  })

  test('a seed always has both files, and a new id when it says something else', () => {
    const digest = (text: string) => text.length.toString(16).padStart(32, '0')
    expect(seedOf({ hostname: 'n', userData: null, metaData: null }, digest)).toBeUndefined()
    const seed = seedOf({ hostname: 'node1', userData: '#cloud-config\n', metaData: null }, digest)!
    expect(seed['meta-data']).toMatch(/^instance-id: reveille-[0-9a-f]{16}\nlocal-hostname: node1\n$/)
    expect(seedOf({ hostname: null, userData: null, metaData: 'instance-id: x\n' }, digest)?.['user-data']).toBe(
      '#cloud-config\n{}\n',
    )
  })

  test('SELinux is told from its configuration', () => {
    expect(usesSelinux('# x\nSELINUX=enforcing\n')).toBe(true)
    expect(usesSelinux('SELINUX=disabled\n')).toBe(false)
    expect(usesSelinux(undefined)).toBe(false)
  })
})
