import { X509Certificate } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { hostname, networkInterfaces } from 'node:os'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { Refusal } from '../../kit/errors.ts'
import { type Certificate, selfSigned } from './self-signed.ts'

const DAY_MS = 86_400_000
const VALID_MS = 3650 * DAY_MS
/** A kept certificate that ends sooner is made anew. */
const RENEW_MS = 30 * DAY_MS

/** Key and certificate in one file (0600), so that both are there or none is, whatever is killed when. */
export const CERTIFICATE_FILE = 'redfish.pem'

/** The certificate of the settings, else the one that this server made for itself. Both PEM. */
export async function loadCertificate(from: {
  certificate?: string | undefined
  key?: string | undefined
  dataDir: string
  now: number
}): Promise<Certificate> {
  if (from.certificate === undefined && from.key === undefined)
    return kept(join(from.dataDir, CERTIFICATE_FILE), from.now)
  if (from.certificate === undefined || from.key === undefined)
    throw new Refusal('validation-failed', 'gateway.redfish has a certificate without a key, or a key without one', {
      next: 'set both gateway.redfish.certificate and gateway.redfish.key, or none',
    })
  const certificate = await read(from.certificate, 'gateway.redfish.certificate')
  const key = await read(from.key, 'gateway.redfish.key')
  try {
    createSecureContext({ cert: certificate, key })
  } catch (error) {
    throw new Refusal(
      'not-available',
      `the certificate of gateway.redfish cannot be used: ${(error as Error).message}`,
      {
        next: 'correct gateway.redfish.certificate and gateway.redfish.key',
      },
    )
  }
  return { certificate, key }
}

async function read(path: string, setting: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Refusal('not-available', `${path} cannot be read (${code ?? 'error'})`, { next: `correct ${setting}` })
  }
}

async function kept(path: string, now: number): Promise<Certificate> {
  const old = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (old !== undefined) {
    const [certificate] = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----\n/.exec(old) ?? []
    const [key] = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----\n/.exec(old) ?? []
    if (certificate && key && Date.parse(new X509Certificate(certificate).validTo) > now + RENEW_MS)
      return { certificate, key }
  }
  const made = selfSigned({
    name:
      hostname()
        .replace(/[^A-Za-z0-9.-]/g, '-')
        .slice(0, 63) || 'reveille',
    addresses: ownAddresses(),
    // Clocks of clients may be a little behind.
    from: now - DAY_MS,
    until: now + VALID_MS,
  })
  await write(path, made.certificate + made.key)
  return made
}

function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return all
    .filter(({ family }) => family === 'IPv4')
    .map(({ address }) => address)
    .slice(0, 32)
}

async function write(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`
  // One that a killed start left may have other permissions: `wx` makes sure that this one is new.
  await rm(temporary, { force: true })
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(temporary, path)
  const directory = await open(dirname(path), 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
