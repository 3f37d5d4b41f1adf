import { DecodeError } from '../../kit/errors.ts'
import { DER, DerReader, type DerValue } from './der.ts'

/** Who signed, by common names; `null` where there is none. */
export type Signer = Readonly<{ subject: string | null; issuer: string | null }>

const SIGNED_DATA = '2a864886f70d010702'
const COMMON_NAME = '550403'
const MOST_SIGNERS = 8

/**
 * The signers that a PKCS #7 SignedData names (RFC 2315 §9.1, as Authenticode uses it). Nothing is verified: it tells whose
 * signature it claims to be. Throws `DecodeError` for what is no SignedData.
 */
export function readSigners(bytes: Uint8Array): Signer[] {
  const der = new DerReader(bytes)
  const [type, content] = der.list(expect(der.read(0, bytes.length), DER.sequence))
  if (!type || !content || der.hex(type) !== SIGNED_DATA || content.tag !== DER.context0)
    throw new DecodeError('the signature is no PKCS #7 SignedData')
  const data = der.list(expect(der.read(content.start, content.end), DER.sequence))
  // Version, digests and content come first; certificates are [0], revocation lists [1], the signers the last set.
  const kept = data.find(({ tag }) => tag === DER.context0)
  const certificates = kept
    ? der
        .list(kept)
        .slice(0, 32)
        .flatMap((each) => certificate(der, each))
    : []
  const infos = data.at(-1)
  if (infos?.tag !== DER.set || data.length < 4) throw new DecodeError('the signature names no signers')
  return der
    .list(infos)
    .slice(0, MOST_SIGNERS)
    .map((info) => {
      const [, issuerAndSerial] = der.list(info)
      const [issuer, serial] = issuerAndSerial ? der.list(issuerAndSerial) : []
      if (!issuer || !serial) throw new DecodeError('the signature does not say whose it is')
      const own = certificates.find((each) => der.equal(each.issuer, issuer) && der.equal(each.serial, serial))
      return { subject: own ? commonName(der, own.subject) : null, issuer: commonName(der, issuer) }
    })
}

type Certificate = Readonly<{ serial: DerValue; issuer: DerValue; subject: DerValue }>

/** RFC 5280 §4.1: version [0], serial, algorithm, issuer, validity, subject, ... */
function certificate(der: DerReader, value: DerValue): Certificate[] {
  if (value.tag !== DER.sequence) return []
  const [tbs] = der.list(value)
  if (tbs?.tag !== DER.sequence) return []
  const fields = der.list(tbs)
  const [serial, , issuer, , subject] = fields[0]?.tag === DER.context0 ? fields.slice(1) : fields
  return serial && issuer && subject ? [{ serial, issuer, subject }] : []
}

/** A name is a sequence of sets of (type, value) pairs; the last common name is the most specific one. */
function commonName(der: DerReader, name: DerValue): string | null {
  let found: string | null = null
  for (const set of der.inside(name))
    for (const pair of der.inside(set)) {
      const [type, value] = der.list(pair)
      if (type?.tag === DER.oid && value && der.hex(type) === COMMON_NAME) found = der.text(value)
    }
  return found
}

function expect(value: DerValue, tag: number): DerValue {
  if (value.tag !== tag) throw new DecodeError('the signature does not begin as one')
  return value
}
