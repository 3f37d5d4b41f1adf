import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import type { DhcpMessage } from './message.ts'
import {
  bootRequest,
  clientUuid,
  decodeEncapsulated,
  encodeClientUuid,
  encodeEncapsulated,
  encodeUserClasses,
  userClasses,
} from './pxe.ts'

const ascii = (text: string) => new TextEncoder().encode(text)

function asking(options: Record<number, Uint8Array>): DhcpMessage {
  const none = ipv4(0)
  return {
    ...{ op: 1, htype: 1, hops: 0, xid: 1, secs: 0, flags: 0, sname: '', file: '' },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none, chaddr: new Uint8Array(6) },
    options: new Map(Object.entries(options).map(([code, value]) => [Number(code), value])),
  }
}

describe('encapsulated options', () => {
  it('come back as they were', () => {
    const options = new Map([
      [6, Uint8Array.of(8)],
      [71, Uint8Array.of(0, 0, 0, 0)],
    ])
    expect(encodeEncapsulated(options)).toEqual(Uint8Array.of(6, 1, 8, 71, 4, 0, 0, 0, 0, 255))
    expect(decodeEncapsulated(encodeEncapsulated(options))).toEqual(options)
  })

  it('may lack the end mark but not their bytes', () => {
    expect(decodeEncapsulated(Uint8Array.of(0, 6, 1, 8)).get(6)).toEqual(Uint8Array.of(8))
    expect(() => decodeEncapsulated(Uint8Array.of(6, 2, 8))).toThrow(DecodeError)
  })
})

describe('user classes', () => {
  it('are read with lengths (RFC 3004) and as bare text', () => {
    expect(userClasses(asking({ 77: encodeUserClasses(['iPXE', 'lab']) }))).toEqual(['iPXE', 'lab'])
    expect(userClasses(asking({ 77: ascii('iPXE') }))).toEqual(['iPXE'])
    expect(userClasses(asking({}))).toEqual([])
  })
})

describe('the client UUID', () => {
  it('has its first three groups turned round', () => {
    const bytes = encodeClientUuid('00112233-4455-6677-8899-aabbccddeeff')
    expect(bytes).toEqual(
      Uint8Array.of(0, 0x33, 0x22, 0x11, 0, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff),
    )
    expect(clientUuid(asking({ 97: bytes }))).toBe('00112233-4455-6677-8899-aabbccddeeff')
  })

  it('is unknown when it is left out, of another kind or was never set', () => {
    expect(clientUuid(asking({}))).toBeUndefined()
    expect(clientUuid(asking({ 97: new Uint8Array(16) }))).toBeUndefined()
    expect(clientUuid(asking({ 97: new Uint8Array(17) }))).toBeUndefined()
    expect(clientUuid(asking({ 97: Uint8Array.of(0, ...new Uint8Array(16).fill(255)) }))).toBeUndefined()
    expect(
      clientUuid(
        asking({ 97: Uint8Array.of(1, ...encodeClientUuid('00112233-4455-6677-8899-aabbccddeeff').slice(1)) }),
      ),
    ).toBeUndefined()
  })
})

describe('what a client says about booting', () => {
  it.each([
    ['an ordinary client', { 60: ascii('udhcp 1.35') }, undefined],
    [
      'PXE firmware',
      { 60: ascii('PXEClient:Arch:00007:UNDI:003016'), 93: Uint8Array.of(0, 7) },
      { vendorClass: 'PXEClient', architectures: [7], ipxe: false },
    ],
    [
      'firmware that tells its type in the vendor class only',
      { 60: ascii('PXEClient:Arch:00011:UNDI:003016') },
      { vendorClass: 'PXEClient', architectures: [11], ipxe: false },
    ],
    [
      'firmware that tells no type',
      { 60: ascii('PXEClient') },
      { vendorClass: 'PXEClient', architectures: [], ipxe: false },
    ],
    [
      'UEFI HTTP boot',
      { 60: ascii('HTTPClient:Arch:00016:UNDI:003001'), 93: Uint8Array.of(0, 16) },
      { vendorClass: 'HTTPClient', architectures: [16], ipxe: false },
    ],
    [
      'iPXE by its options',
      { 60: ascii('PXEClient:Arch:00000:UNDI:002001'), 175: Uint8Array.of(19, 1, 1, 255) },
      { vendorClass: 'PXEClient', architectures: [0], ipxe: true },
    ],
    ['iPXE by its user class alone', { 77: ascii('iPXE') }, { vendorClass: null, architectures: [], ipxe: true }],
    [
      'gPXE, which is not iPXE',
      { 60: ascii('PXEClient'), 77: ascii('gPXE'), 175: Uint8Array.of(19, 1, 1, 255) },
      { vendorClass: 'PXEClient', architectures: [], ipxe: false },
    ],
  ] as const)('%s', (_, options, expected) => {
    const read = bootRequest(asking(options as Record<number, Uint8Array>))
    expect(read && { ...read, uuid: undefined }).toEqual(expected && { ...expected, uuid: undefined })
  })
})
