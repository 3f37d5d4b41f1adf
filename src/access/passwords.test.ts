import { describe, expect, test } from 'vitest'
import { Passwords } from './passwords.ts'
import { newPassword, newSecret } from './secrets.ts'

describe('passwords', () => {
  test('are argon2id with the cost that is promised, each with its own salt', async () => {
    const passwords = new Passwords()
    const hash = await passwords.hash('correct horse battery')
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(await passwords.hash('correct horse battery')).not.toBe(hash)
    expect(await passwords.verify('correct horse battery', hash)).toBe(true)
    expect(await passwords.verify('correct horse batterx', hash)).toBe(false)
  })

  test('match a hash that another program made', async () => {
    // From `argon2 somesalt -id -t 2 -k 256 -p 1 -l 32` of the reference implementation's test suite, password "password".
    const known = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4'
    expect(await new Passwords().verify('password', known)).toBe(true)
    expect(await new Passwords().verify('passwore', known)).toBe(false)
  })

  test('of nobody are never right, and take as long', async () => {
    const passwords = new Passwords()
    const hash = await passwords.hash('x')
    const time = async (work: () => Promise<boolean>) => {
      const start = performance.now()
      expect(await work()).toBe(false)
      return performance.now() - start
    }
    const runs = [0, 1, 2, 3, 4]
    const known = await Promise.all(runs.map(() => time(() => passwords.verify('wrong', hash))))
    const unknown = await Promise.all(runs.map(() => time(() => passwords.verify('wrong', undefined))))
    expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) / 4)
  })

  test('damaged hashes are wrong, not errors', async () => {
    for (const hash of ['', 'plain', '$argon2i$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFhYQ'])
      expect(await new Passwords().verify('x', hash)).toBe(false)
  })

  test('are the same however their letters were composed', async () => {
    const passwords = new Passwords({ memoryKiB: 8, passes: 1, lanes: 1 })
    expect(await passwords.verify('Cafe\u0301', await passwords.hash('Caf\u00e9'))).toBe(true)
  })

  test('are checked a few at a time, and a crowd is sent away', async () => {
    const passwords = new Passwords({ memoryKiB: 1024, passes: 1, lanes: 1 })
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => passwords.hash('x')))
    const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(refused).toHaveLength(200 - 2 - 64)
    expect(refused[0]).toMatchObject({ code: 'too-many-requests' })
    await expect(passwords.hash('x')).resolves.toContain('argon2id')
  })
})

test('secrets do not repeat and use their whole alphabet', () => {
  const secrets = new Set(Array.from({ length: 1000 }, newSecret))
  expect(secrets.size).toBe(1000)
  for (const secret of secrets) expect(secret).toMatch(/^[\w-]{43}$/)
  const letters = new Map<string, number>()
  for (let i = 0; i < 2000; i++)
    for (const letter of newPassword().replaceAll('-', '')) letters.set(letter, (letters.get(letter) ?? 0) + 1)
  expect(letters.size).toBe(31)
  // 40,000 letters of 31 kinds: each about 1290 times; six standard deviations are 215.
  for (const count of letters.values()) expect(Math.abs(count - 1290)).toBeLessThan(215)
})
