import { dataUrlFault } from './data-url.ts'
import type { Findings, Spot } from './findings.ts'
import { shown } from './reading.ts'
import { type Struct, structOf, structsOf, textOf } from './values.ts'

/** Schemes that Ignition fetches from, and the minor number of the specification that has them first. */
const SCHEMES: Readonly<Record<string, number>> = { http: 0, https: 0, tftp: 0, s3: 0, data: 0, gs: 2, arn: 4 }
const HASHES: Readonly<Record<string, readonly [digits: number, since: number]>> = { sha512: [128, 0], sha256: [64, 1] }

/** Checks of everything that is fetched: files' contents, merged configs, certificates, keys. */
export class SourceChecks {
  readonly #findings: Findings
  readonly #minor: number

  constructor(findings: Findings, minor: number) {
    this.#findings = findings
    this.#minor = minor
  }

  /** Whether a source must be there, should be, or need not. */
  resource(resource: Struct | undefined, source: 'required' | 'wanted' | 'optional'): void {
    if (!resource) return
    const url = textOf(resource, 'source')
    const at = this.#findings.where(resource, 'source')
    if (!url && source === 'required') this.#findings.error(at, 'source is required', 'say where it is fetched from')
    else if (!url && source === 'wanted')
      this.#findings.warn(at, 'without a source this adds nothing', 'say source or inline')
    const scheme = url ? this.#url(url, at) : undefined
    const compression = textOf(resource, 'compression') ?? ''
    if (compression !== '' && compression !== 'gzip') {
      const message = `the compression ${shown(compression)} is unknown`
      this.#findings.error(this.#findings.where(resource, 'compression'), message, 'say gzip, or leave it out')
    } else if (compression === 'gzip' && (scheme === 's3' || scheme === 'arn'))
      this.#findings.warn(this.#findings.where(resource, 'compression'), 'nothing compressed can be fetched from S3')
    this.#headers(resource, scheme)
    const verification = structOf(resource, 'verification')
    if (textOf(verification, 'hash') && textOf(resource, 'source') === undefined)
      this.#findings.error(this.#findings.where(resource, 'verification'), 'a hash needs a source', 'say source')
    this.#verification(verification)
  }

  /** The URL of a proxy. */
  proxy(struct: Struct, name: string): void {
    const url = textOf(struct, name)
    if (!url || /^https?:\/\/[^/?#\s]+/i.test(url)) return
    this.#findings.error(this.#findings.where(struct, name), 'a proxy is named by a URL with http or https')
  }

  #url(source: string, at: Spot): string | undefined {
    const [, given] = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(source) ?? []
    const scheme = given?.toLowerCase()
    const fetchable = Object.keys(SCHEMES).filter((each) => SCHEMES[each]! <= this.#minor)
    const list = `${fetchable.slice(0, -1).join(', ')} or ${fetchable.at(-1)}`
    if (scheme === undefined) {
      const hint = `begin it with one of ${list}; contents themselves belong into inline`
      this.#findings.error(at, `${shown(source)} is no URL`, hint)
      return undefined
    }
    const since = Object.hasOwn(SCHEMES, scheme) ? SCHEMES[scheme] : undefined
    if (since === undefined || since > this.#minor) {
      const hint =
        since === undefined
          ? scheme === 'oem'
            ? 'oem: is of Ignition 2; use a file of the image, or http'
            : `use ${list}`
          : `Ignition 3.${since}.0 fetches from ${scheme}: raise the version`
      this.#findings.error(at, `the URL scheme ${scheme} is not known here`, hint)
      return undefined
    }
    const fault = this.#urlFault(source, scheme)
    if (fault) this.#findings.error(at, fault)
    return scheme
  }

  #urlFault(source: string, scheme: string): string | undefined {
    if (scheme === 'data') return dataUrlFault(source)
    if (/[\s\u0000-\u001f\u007f]/.test(source)) return 'the URL has a space or a control character in it'
    if (/%(?![0-9A-Fa-f]{2})/.test(source)) return 'a % in the URL is not followed by two hexadecimal digits'
    if (scheme === 'arn')
      return /^arn:[^:]*:s3:/.test(source) ? undefined : 'only objects of S3 are fetched by their ARN'
    const [, authority] = /^[^:]+:\/\/([^/?#]+)/.exec(source) ?? []
    if (authority === undefined) return `the URL names no ${scheme === 's3' || scheme === 'gs' ? 'bucket' : 'host'}`
    return authorityFault(authority)
  }

  #headers(resource: Struct, scheme: string | undefined): void {
    const headers = structsOf(resource, 'httpHeaders')
    if (headers.length > 0 && !textOf(resource, 'source'))
      this.#findings.error(this.#findings.where(resource, 'httpHeaders'), 'headers need a source', 'say source')
    else if (headers.length > 0 && scheme !== undefined && scheme !== 'http' && scheme !== 'https')
      this.#findings.error(this.#findings.where(resource, 'httpHeaders'), `with ${scheme} no headers are sent`)
    const names = new Set<string>()
    for (const header of headers) {
      const name = textOf(header, 'name')
      if (name === undefined) continue
      const at = this.#findings.where(header, 'name')
      if (!/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(name)) this.#findings.error(at, `${shown(name)} is no name of a header`)
      else if (names.has(name)) this.#findings.error(at, `the header ${name} is there twice`)
      names.add(name)
      if (textOf(header, 'value') === '')
        this.#findings.error(
          this.#findings.where(header, 'value'),
          'the value of a header is not empty',
          'leave it out',
        )
      else if (/[\r\n\u0000]/.test(textOf(header, 'value') ?? ''))
        this.#findings.error(this.#findings.where(header, 'value'), 'the value of a header is one line')
    }
  }

  #verification(verification: Struct | undefined): void {
    const hash = textOf(verification, 'hash')
    if (hash === undefined) return
    const at = this.#findings.where(verification!, 'hash')
    const [, kind, digits] = /^([^-]*)-(.*)$/s.exec(hash) ?? []
    const hint = `write ${Object.keys(HASHES)
      .filter((each) => HASHES[each]![1] <= this.#minor)
      .map((each) => `${each}-…`)
      .join(' or ')}`
    if (kind === undefined) this.#findings.error(at, 'the hash does not say its kind', hint)
    else if (!Object.hasOwn(HASHES, kind) || !HASHES[kind])
      this.#findings.error(at, `the kind of hash ${shown(kind)} is unknown`, hint)
    else if (HASHES[kind][1] > this.#minor)
      this.#findings.error(
        at,
        `${kind} is not known here`,
        `Ignition 3.${HASHES[kind][1]}.0 knows it: raise the version`,
      )
    else if (digits!.length !== HASHES[kind][0] || !/^[0-9A-Fa-f]*$/.test(digits!))
      this.#findings.error(at, `a ${kind} has ${HASHES[kind][0]} hexadecimal digits, this one ${digits!.length}`)
  }
}

/** What Ignition's reader of URLs refuses between `//` and the path (RFC 3986 §3.2, and non-ASCII letters, which it takes). */
function authorityFault(authority: string): string | undefined {
  const user = authority.slice(0, Math.max(0, authority.lastIndexOf('@')))
  if (/[^-A-Za-z0-9._:~!$&'()*+,;=%@]/.test(user))
    return 'the user in the URL has characters that must be encoded with %'
  const host = authority.slice(authority.lastIndexOf('@') + 1)
  if (host.startsWith('[') && !host.includes(']')) return 'the IPv6 address in the URL has no closing bracket'
  const port = host.startsWith('[') ? host.slice(host.lastIndexOf(']') + 1) : (/:[^:]*$/.exec(host)?.[0] ?? '')
  if (!/^(:[0-9]*)?$/.test(port)) return 'the port in the URL is no number'
  if (/[^-A-Za-z0-9_.~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/.test(host))
    return 'the host in the URL has a character that no host has'
  if (/%(?!25|[89A-Fa-f])/.test(host)) return 'the host in the URL has an encoded ASCII character; write it as it is'
  return undefined
}
