import { Refusal } from '../kit/errors.ts'

const NO_SERVER = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
])

/** The refusal for what an operator can mend, by SQLSTATE (PostgreSQL's manual, appendix A); any other error as it is. `where`: without a password. */
export function postgresRefusal(error: unknown, where: string): unknown {
  if (!(error instanceof Error) || error instanceof Refusal) return error
  const { code = '' } = error as Error & { code?: string }
  const unavailable = (what: string, next: string) =>
    new Refusal('not-available', `${what}: ${error.message}`, { next })
  switch (code) {
    case '53100':
      return new Refusal('no-space', `the disk of the database ${where} is full: nothing was changed`, {
        next: 'free some space there; Reveille goes on by itself',
      })
    case '28P01':
    case '28000':
      return unavailable(
        `the database ${where} does not let Reveille in`,
        'check user and password in "database", and pg_hba.conf of the server',
      )
    case '3D000':
      return unavailable('there is no such database', 'make it: createdb --owner USER NAME')
    case '42501':
      return unavailable(
        `Reveille may not do this in ${where}`,
        'let its user own the database: alter database NAME owner to USER',
      )
    case '25006':
      return unavailable(
        `the database ${where} is read-only`,
        'name the server that accepts writes, not a standby of it',
      )
    default:
      // Class 08: the connection; 57P: the server is going down or coming up; 53: it has not enough of something.
      // What its client finds out by itself has no code.
      if (
        NO_SERVER.has(code) ||
        /^(08|57P|53)/.test(code) ||
        (code === '' && /connection|timeout/i.test(error.message))
      )
        return unavailable(
          `the database ${where} does not answer`,
          'start it, or check "database"; Reveille connects again by itself',
        )
      if (/CERT|ALTNAME|SIGNATURE/.test(code))
        return unavailable(
          `the certificate of the database ${where} is not accepted`,
          'name who signed it, with sslrootcert=FILE in "database", and the server as its certificate does',
        )
      return error
  }
}
