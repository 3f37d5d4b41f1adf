import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { decodeBinary, encodeBinary } from './binary.ts'
import { Negotiation } from './negotiate.ts'
import { decodeText, encodeText, TextGatherer, type TextPair } from './text.ts'

describe('keys (RFC 7143, 13)', () => {
  test.each<[TextPair, string]>([
    [['HeaderDigest', 'CRC32C,None'], 'CRC32C'],
    [['DataDigest', 'None,CRC32C'], 'None'],
    [['HeaderDigest', 'MD5'], 'Reject'],
    [['MaxConnections', '8'], '1'],
    [['InitialR2T', 'No'], 'No'],
    [['InitialR2T', 'Yes'], 'Yes'],
    [['InitialR2T', 'maybe'], 'Reject'],
    [['ImmediateData', 'No'], 'No'],
    [['MaxBurstLength', '16776192'], '1048576'],
    [['MaxBurstLength', '0x10000'], '65536'],
    [['FirstBurstLength', '100'], 'Reject'],
    [['DefaultTime2Wait', '0'], '2'],
    [['DefaultTime2Retain', '20'], '0'],
    [['MaxOutstandingR2T', '16'], '1'],
    [['DataPDUInOrder', 'No'], 'Yes'],
    [['DataSequenceInOrder', 'Yes'], 'Yes'],
    [['ErrorRecoveryLevel', '2'], '0'],
    [['OFMarker', 'Yes'], 'No'],
    [['IFMarkInt', '1~2'], 'Irrelevant'],
    [['X-com.example.key', 'Yes'], 'NotUnderstood'],
    [['constructor', 'Yes'], 'NotUnderstood'],
  ])('%s is answered %s', (pair, answer) => {
    expect(new Negotiation().answer([pair], false)).toEqual([[pair[0], answer]])
  })

  test('what is told is not answered, and what is asked twice is rejected', () => {
    const negotiation = new Negotiation()
    const pairs: TextPair[] = [
      ['InitiatorName', 'a'],
      ['MaxRecvDataSegmentLength', '4096'],
      ['InitialR2T', 'Yes'],
    ]
    expect(negotiation.answer(pairs, false)).toEqual([['InitialR2T', 'Yes']])
    expect(negotiation.answer([['InitialR2T', 'No']], false)).toEqual([['InitialR2T', 'Reject']])
    expect(negotiation.result).toMatchObject({ initiatorDataBytes: 4096, initialR2T: true })
  })

  test('in a discovery session, what only concerns commands is irrelevant', () => {
    expect(new Negotiation().answer([['InitialR2T', 'No']], true)).toEqual([['InitialR2T', 'Irrelevant']])
  })
})

describe('text', () => {
  test('pairs survive, in any pieces', () => {
    const key = fc.stringMatching(/^[A-Za-z][A-Za-z0-9.+@_-]{0,20}$/)
    const value = fc.stringMatching(/^[ -~]{0,40}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(key, value), { maxLength: 20 }), fc.nat(400), (pairs, at) => {
        const bytes = encodeText(pairs)
        const gatherer = new TextGatherer()
        expect(gatherer.add(bytes.subarray(0, at), true)).toBeUndefined()
        expect(gatherer.add(bytes.subarray(at), false)).toEqual(pairs)
      }),
    )
  })

  test.each(['=x\0', 'no equals\0', `${'k'.repeat(64)}=x\0`, 'a b=x\0'])('%j is no text', (text) => {
    expect(() => decodeText(Buffer.from(text))).toThrow(DecodeError)
  })

  test('a text without end is refused', () => {
    const gatherer = new TextGatherer()
    const part = new Uint8Array(8192)
    expect(() => {
      for (let i = 0; i < 9; i++) gatherer.add(part, true)
    }).toThrow(DecodeError)
  })
})

describe('binary values', () => {
  test('hex and base64 give the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeBinary(encodeBinary(bytes), 64)).toEqual(bytes)
        expect(Buffer.from(decodeBinary(`0b${Buffer.from(bytes).toString('base64')}`, 64))).toEqual(Buffer.from(bytes))
      }),
    )
  })

  test.each(['12', '0xzz', '0b?', '0bA', `0x${'00'.repeat(65)}`])('%s is none', (value) => {
    expect(() => decodeBinary(value, 64)).toThrow(DecodeError)
  })
})
