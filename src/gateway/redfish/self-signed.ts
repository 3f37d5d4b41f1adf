import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

export type Certificate = Readonly<{ certificate: string; key: string }>

/**
 * A self-signed certificate (RFC 5280) with a new P-256 key, both PEM. Node makes keys and signatures but no certificates; the
 * few DER values that one needs are written here, so that no other program is needed for the service to start.
 * `addresses`: IPv4 addresses in its subjectAltName, beside the name.
 */
export function selfSigned(about: {
  name: string
  addresses: readonly string[]
  from: number
  until: number
}): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const subject = sequence(set(sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(about.name, 'utf8')))))
  // RFC 5758 §3.2
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(randomBytes(16)),
    algorithm,
    subject,
    sequence(time(about.from), time(about.until)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions(about.name, about.addresses))),
  )
  const signature = sign('sha256', body, privateKey)
  const whole = sequence(body, algorithm, der(0x03, Buffer.from([0]), signature))
  const lines = whole.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** RFC 5280 §4.2: subjectAltName, basicConstraints (no CA), keyUsage digitalSignature, extKeyUsage serverAuth. */
function extensions(name: string, addresses: readonly string[]): Buffer[] {
  const names = sequence(
    der(0x82, Buffer.from(name, 'ascii')),
    ...addresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  )
  const critical = der(0x01, Buffer.from([0xff]))
  return [
    sequence(oid('2.5.29.17'), octets(names)),
    sequence(oid('2.5.29.19'), critical, octets(sequence())),
    sequence(oid('2.5.29.15'), critical, octets(der(0x03, Buffer.from([7, 0x80])))),
    sequence(oid('2.5.29.37'), octets(sequence(oid('1.3.6.1.5.5.7.3.1')))),
  ]
}

/** X.690 §8.1: tag, length, content. */
function der(tag: number, ...content: Buffer[]): Buffer {
  const bytes = Buffer.concat(content)
  if (bytes.length < 0x80) return Buffer.concat([Buffer.from([tag, bytes.length]), bytes])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  const short = length.subarray(length.findIndex((byte) => byte !== 0))
  return Buffer.concat([Buffer.from([tag, 0x80 | short.length]), short, bytes])
}

const sequence = (...content: Buffer[]) => der(0x30, ...content)
const set = (...content: Buffer[]) => der(0x31, ...content)
const octets = (content: Buffer) => der(0x04, content)

/** Never negative and without leading zeros (X.690 §8.3). */
function integer(bytes: Buffer): Buffer {
  const positive = Buffer.from(bytes)
  positive[0] = bytes.length > 1 ? (positive[0]! & 0x7f) | 0x40 : positive[0]!
  return der(0x02, positive)
}

function oid(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 0x7f]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

/** RFC 5280 §4.1.2.5: UTCTime through the year 2049, GeneralizedTime after. */
function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]/g, '').slice(0, 14)
  return Number(text.slice(0, 4)) < 2050
    ? der(0x17, Buffer.from(`${text.slice(2)}Z`, 'ascii'))
    : der(0x18, Buffer.from(`${text}Z`, 'ascii'))
}
