import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openWorld, type World } from '../../../test/api/world.ts'
import type { ApiClient } from '../client/client.ts'

const KERNEL = Buffer.from('a kernel\n')
const INITRD = Buffer.from('an initrd\n')
const DISK = Buffer.alloc(5_000_000, 'disk ')
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Made once by gpg: a key, another one, and the signature of `a kernel` by the first. */
const KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----
Comment: of a test

mDMEZ3SFgBYJKwYBBAHaRw8BAQdARX2IAewhUYOogA95pM4sN+OjohRrUP5RWbYK
p8PdOs20FVJlbGVhc2UgS2V5IG9mIGEgVGVzdIiQBBMWCAA4FiEEu01k0codp9Ag
njxVmTFxHyNznlsFAmd0hYACGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AACgkQ
mTFxHyNznlsUdAEA2HZLb9N6Kz94378C3JNcSQcrxZw3SU90345Td97I98EBAOyp
xprzQAZzMSrokfqKzuLExsk6AQKHN9rLir5xYloH
=xrDM
-----END PGP PUBLIC KEY BLOCK-----
`
const OTHER_KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEZ3SFgBYJKwYBBAHaRw8BAQdASxbgTcWpBc3Nyt8nehkmSffo9RPlUG1ZKdX6
Yp+NkkC0E090aGVyIEtleSBvZiBhIFRlc3SIkAQTFggAOBYhBAsJnuZD8nHjBmte
LYurEI4EP9PdBQJndIWAAhsDBQsJCAcCBhUKCQgLAgQWAgMBAh4BAheAAAoJEIur
EI4EP9PdkfgA/iv+0aC6CvlxV8mNnP+pcgRnxuQICLc4CmhvGh2bfrQ1AQDM7dI9
w9BzpeDFeplhFttXKeQZe4hHBMyNCr5O7jOoDA==
=J9X1
-----END PGP PUBLIC KEY BLOCK-----
`
const SIGNATURE =
  'iHUEABYIAB0WIQS7TWTRyh2n0CCePFWZMXEfI3OeWwUCZ3XXAAAKCRCZMXEfI3OeW3tyAP9KLkrn2x0TST0LZ7GNtSxRU7MI6MLb5U1E2Ao/7I3ZzQD+' +
  'PD1SFnv6/2SrS9IgiSFx2EMNUzffLsD7Zwc4wbPVzQc='
const ARMOURED = `-----BEGIN PGP SIGNATURE-----\r\n\r\n${SIGNATURE.match(/.{1,64}/g)!.join('\r\n')}\r\n-----END PGP SIGNATURE-----\r\n`

const FILES: Record<string, Uint8Array> = {
  '/stable/3815/amd64/flatcar_production_pxe.vmlinuz': KERNEL,
  '/stable/3815/amd64/flatcar_production_pxe.vmlinuz.sig': Buffer.from(SIGNATURE, 'base64'),
  '/stable/3815/amd64/flatcar_production_pxe.vmlinuz.asc': Buffer.from(ARMOURED),
  '/stable/3815/amd64/flatcar_production_pxe_image.cpio.gz': INITRD,
  '/disk.img.gz': gzipSync(DISK),
}

let world: World
let client: ApiClient
let upstream: Server
let base: string
const asked: string[] = []
beforeAll(async () => {
  world = await openWorld({ maxUploadBytes: 100_000 })
  client = (await world.as('operator')).client
  upstream = createServer((request, response) => {
    asked.push(request.url!)
    const hops = Number(/^\/hop\/(\d+)/.exec(request.url!)?.[1] ?? 0)
    if (hops > 0) return response.writeHead(302, { location: hops === 1 ? '/disk.img.gz' : `/hop/${hops - 1}` }).end()
    if (request.url === '/elsewhere') return response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    if (request.url === '/large') return response.writeHead(200).end(Buffer.alloc(200_000))
    if (request.url === '/broken') {
      response.writeHead(200, { 'content-length': '1000' }).write('some')
      return setImmediate(() => response.destroy())
    }
    const file = FILES[request.url!]
    return file ? response.writeHead(200).end(file) : response.writeHead(404).end('no')
  })
  upstream.listen(0, '127.0.0.1')
  await once(upstream, 'listening')
  base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
})
afterAll(async () => {
  upstream.close()
  await world.close()
})

const pattern = (file: string) => `${base}/{channel}/{version}/{arch}/${file}`
const flatcar = (kernel: object = {}, more: object = {}) => ({
  params: { image: 'flatcar' },
  body: {
    kind: 'bundle' as const,
    channel: 'stable',
    version: '3815',
    key: KEY,
    files: [
      {
        url: pattern('flatcar_production_pxe.vmlinuz'),
        signature: pattern('flatcar_production_pxe.vmlinuz.sig'),
        ...kernel,
      },
      { url: pattern('flatcar_production_pxe_image.cpio.gz'), sha256: sha256(INITRD) },
    ],
    ...more,
  },
})
const disk = (url: string, sum = sha256(FILES['/disk.img.gz']!)) => ({
  params: { image: 'disk' },
  body: { kind: 'disk' as const, files: [{ url: base + url, sha256: sum }] },
})

test('a signed release becomes one pinned version, however often it is fetched', async () => {
  const image = await client.fetchImage(flatcar())
  expect(image).toMatchObject({
    kind: 'bundle',
    versions: [
      {
        number: 1,
        pinned: true,
        note: 'stable 3815',
        files: [
          { role: 'kernel', name: 'flatcar_production_pxe.vmlinuz', sha256: sha256(KERNEL) },
          { role: 'initrd', name: 'flatcar_production_pxe_image.cpio.gz', sha256: sha256(INITRD) },
        ],
      },
    ],
  })
  expect((await client.fetchImage(flatcar())).latest).toBe(1)
  asked.length = 0
  expect((await client.fetchImage(flatcar({ sha256: sha256(KERNEL) }))).latest).toBe(1)
  expect(asked).toEqual([])
  const armoured = flatcar({ signature: pattern('flatcar_production_pxe.vmlinuz.asc') })
  expect((await client.fetchImage(armoured)).latest).toBe(1)
})

test('a disk is unpacked into chunks, and the file it came in does not stay', async () => {
  const image = await client.fetchImage(disk('/hop/3'))
  expect(image.versions).toMatchObject([{ pinned: true, disk: { bytes: DISK.length, sha256: sha256(DISK) } }])
  expect(await world.images.blobs.stat(sha256(FILES['/disk.img.gz']!))).toBeUndefined()
  expect((await client.fetchImage(disk('/hop/3'))).latest).toBe(1)
})

describe('nothing is kept', () => {
  const kept = async () => [(await world.images.blobs.list()).length, world.images.all().length]

  test.each([
    ['another key', () => flatcar({}, { key: OTHER_KEY }), 'checksum-mismatch', 'not the one given'],
    [
      'the signature of another file',
      () =>
        flatcar({
          url: pattern('flatcar_production_pxe_image.cpio.gz'),
        }),
      'checksum-mismatch',
      'the signature is of other bytes',
    ],
    [
      'a signature that is none',
      () => flatcar({ signature: pattern('flatcar_production_pxe.vmlinuz') }),
      'checksum-mismatch',
      'gpgv says',
    ],
    ['a key that is none', () => flatcar({}, { key: 'no key' }), 'checksum-mismatch', 'is not good'],
    ['no key', () => flatcar({}, { key: undefined }), 'validation-failed', 'without a key'],
    ['nothing to check by', () => flatcar({ signature: undefined }), 'validation-failed', 'neither a SHA-256'],
    ['a version that is missing', () => flatcar({}, { version: '' }), 'validation-failed', 'needs a version'],
    ['another SHA-256', () => disk('/disk.img.gz', sha256(DISK)), 'checksum-mismatch', 'have the SHA-256'],
    ['a file that is not there', () => disk('/none'), 'not-available', 'it answers 404'],
    ['a file that breaks off', () => disk('/broken'), 'not-available', '/broken cannot be fetched'],
    ['a file that is too large', () => disk('/large'), 'too-large', 'larger than the limit'],
    ['too many redirects', () => disk('/hop/9'), 'not-available', 'redirects more than 5 times'],
    ['a redirect to a file of the server', () => disk('/elsewhere'), 'not-available', 'neither http nor https'],
  ])('of %s', async (_, request, code, detail) => {
    const before = await kept()
    await expect(client.fetchImage(request())).rejects.toMatchObject({ code, detail: expect.stringContaining(detail) })
    expect(await kept()).toEqual(before)
  })

  test('for who may not', async () => {
    const { client: user } = await world.as('user')
    await expect(user.fetchImage(flatcar())).rejects.toMatchObject({ code: 'forbidden' })
  })
})
