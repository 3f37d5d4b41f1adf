import { expect, test } from 'vitest'
import { COMMAND_CLASSES, DEFAULT_ROUTES } from '../../gateway/routes.ts'
import { CLASSES, targetsOf, tryIt } from './words.ts'

test('every class of commands is shown, with the way it usually goes', () => {
  expect(CLASSES.map(({ name }) => name)).toEqual([...COMMAND_CLASSES])
  for (const { name, usual } of CLASSES) expect(usual, name).toBe(DEFAULT_ROUTES[name])
})

test('a route can be set to each driver, or taken back', () => {
  expect(targetsOf('drivers', ['bmc', 'os']).map(({ value }) => value)).toEqual([
    '',
    'drivers',
    'reveille',
    'none',
    'bmc',
    'os',
  ])
})

test('says how to try it, with the strongest suite it has', () => {
  expect(tryIt({ host: '10.0.0.1', port: 6230, cipherSuites: [17, 3] }, 'admin')).toBe(
    'ipmitool -I lanplus -C 17 -H 10.0.0.1 -p 6230 -U admin -a power status',
  )
  expect(tryIt({ host: '10.0.0.9', port: 623, cipherSuites: [3] }, 'a')).toContain('-C 3 -H 10.0.0.9 -U a')
})
