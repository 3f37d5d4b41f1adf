import { expect, test } from 'vitest'
import type { Refusal } from '../kit/errors.ts'
import { postgresRefusal } from './postgres-refusal.ts'

const told = (code: string, message: string) =>
  postgresRefusal(Object.assign(new Error(message), { code }), 'pg.example/reveille') as Refusal

test.each([
  ['53100', 'could not extend file', 'no-space', /is full/],
  ['28P01', 'password authentication failed', 'not-available', /let Reveille in/],
  ['3D000', 'database "x" does not exist', 'not-available', /no such database/],
  ['25006', 'cannot execute INSERT in a read-only transaction', 'not-available', /read-only/],
  ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:5432', 'not-available', /does not answer/],
  ['57P01', 'terminating connection due to administrator command', 'not-available', /does not answer/],
  [
    'SELF_SIGNED_CERT_IN_CHAIN',
    'self-signed certificate in certificate chain',
    'not-available',
    /certificate of the database/,
  ],
  ['', 'Connection terminated unexpectedly', 'not-available', /does not answer/],
])('%s: %s', (code, message, refusal, text) => {
  expect(told(code, message)).toMatchObject({
    code: refusal,
    message: expect.stringMatching(text),
    next: expect.any(String),
  })
})

test('a fault of ours stays one', () => {
  const error = Object.assign(new Error('syntax error at or near "selct"'), { code: '42601' })
  expect(postgresRefusal(error, 'x')).toBe(error)
})
