import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fromHex, hex } from '../../kit/bytes.ts'
import { IPMI_CRYPTOGRAPHY as CRYPTO } from '../../sockets/ipmi-cryptography.ts'
import { type IpmiSuite, SUITES, suiteOf } from './cryptography.ts'
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from './message.ts'
import {
  decodeOpenSessionRequest,
  decodeOpenSessionResponse,
  encodeOpenSessionRequest,
  encodeOpenSessionResponse,
} from './open-session.ts'
import { decodePacket, encodeOld, encodePlus, PAYLOAD, type PlusPacket } from './packet.ts'
import {
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
  encodeRakp1,
  encodeRakp2,
  encodeRakp3,
  encodeRakp4,
  encodeRakpRefusal,
  sessionKeys,
} from './rakp.ts'
import { decodePing, decodePong, decodeRmcp, encodePing, encodePong } from './rmcp.ts'
import { openPacket, sealPacket } from './seal.ts'
import { decodeSol, encodeSol, nextSolSequence } from './sol.ts'

const byte = fc.integer({ min: 0, max: 255 })
const id = fc.integer({ min: 1, max: 0xffffffff })
const bytes = (most: number, least = 0) => fc.uint8Array({ minLength: least, maxLength: most })
const suite = fc.constantFrom<IpmiSuite>(17, 3)
const exactly = (count: number) => bytes(count, count)

describe('messages', () => {
  test('Get Channel Authentication Capabilities is what ipmitool sends', () => {
    const payload = encodeRequest({ netFn: 6, command: 0x38, sequence: 0, data: Uint8Array.of(0x8e, 4) })
    expect(hex(encodeOld(payload))).toBe('0600ff07000000000000000000092018c88100388e04b5')
  })

  test('a request and its answer come out as they went in', () => {
    fc.assert(
      fc.property(byte, fc.nat(3), fc.nat(31), byte, fc.nat(3), fc.nat(63), byte, bytes(247), byte, (...made) => {
        const [target, lun, half, source, sourceLun, sequence, command, data, completionCode] = made
        const request = { target, lun, netFn: half * 2, source, sourceLun, sequence, command, data }
        expect(decodeRequest(encodeRequest(request))).toEqual(request)
        expect(decodeResponse(encodeResponse(request, { completionCode, data }))).toEqual({
          target: source,
          targetLun: sourceLun,
          netFn: half * 2 + 1,
          source: target,
          lun,
          sequence,
          command,
          completionCode,
          data,
        })
      }),
    )
  })

  test('a message with a wrong checksum, cut short, or of the other direction is refused', () => {
    const request = encodeRequest({ netFn: 0, command: 1, sequence: 1, data: Uint8Array.of(1, 2, 3) })
    for (let at = 0; at < request.length; at++) {
      const damaged = request.slice()
      damaged[at]! ^= 0x40
      expect(() => decodeRequest(damaged)).toThrow(/checksum/)
      expect(() => decodeRequest(request.slice(0, at))).toThrow()
    }
    expect(() => decodeResponse(request)).toThrow('a command where an answer was expected')
  })
})

describe('before a session', () => {
  test('presence pings and pongs of ASF', () => {
    expect(hex(encodePing(7))).toBe('0600ff06000011be80070000')
    expect(decodePing(decodeRmcp(encodePing(7)).body)).toBe(7)
    expect(hex(encodePong(7, 0xff))).toBe('0600ff06000011be40070010000011be00000000810000000000000000'.slice(0, 56))
    expect(decodePong(decodeRmcp(encodePong(7, 0xff)).body)).toEqual({ tag: 7, ipmi: true })
    expect(decodePing(decodeRmcp(encodePong(7, 0xff)).body)).toBeUndefined()
  })

  test('Open Session is what ipmitool sends for suite 3', () => {
    const request = { tag: 0, privilege: 0, consoleId: 0xa0a2a3a4, algorithms: SUITES[3] }
    expect(hex(encodeOpenSessionRequest(request))).toBe(
      '00000000a4a3a2a0000000080100000001000008010000000200000801000000',
    )
  })

  test('Open Session comes out as it went in', () => {
    fc.assert(
      fc.property(byte, fc.nat(15), id, id, suite, byte, (tag, privilege, consoleId, managedId, number, status) => {
        const { authentication, integrity, confidentiality } = SUITES[number]
        const algorithms = { authentication, integrity, confidentiality }
        const request = { tag, privilege, consoleId, algorithms }
        expect(decodeOpenSessionRequest(encodeOpenSessionRequest(request))).toEqual(request)
        expect(suiteOf(algorithms)).toBe(number)
        const opened = { status: 0 as const, tag, privilege, consoleId, managedId, algorithms }
        expect(decodeOpenSessionResponse(encodeOpenSessionResponse(opened))).toEqual(opened)
        const refused = { status: Math.max(1, status), tag, consoleId }
        expect(decodeOpenSessionResponse(encodeOpenSessionResponse(refused))).toEqual(refused)
      }),
    )
  })

  test('suites that do not authenticate or do not encrypt are none of ours', () => {
    expect(suiteOf({ authentication: 0, integrity: 0, confidentiality: 0 })).toBeUndefined()
    expect(suiteOf({ authentication: 1, integrity: 0, confidentiality: 0 })).toBeUndefined()
    expect(suiteOf({ authentication: 1, integrity: 1, confidentiality: 0 })).toBeUndefined()
    expect(suiteOf({ authentication: 3, integrity: 1, confidentiality: 1 })).toBeUndefined()
  })

  test('RAKP messages come out as they went in', () => {
    fc.assert(
      fc.property(byte, id, exactly(16), exactly(16), fc.boolean(), fc.nat(15), bytes(16), suite, (...made) => {
        const [tag, number, random, guid, nameOnly, privilege, name, which] = made
        const first = { tag, managedId: number, consoleRandom: random, nameOnly, privilege, name }
        expect(decodeRakp1(encodeRakp1(first))).toEqual(first)
        const code = new Uint8Array(SUITES[which].hashBytes).fill(tag)
        const second = { tag, consoleId: number, managedRandom: random, guid, code }
        expect(decodeRakp2(encodeRakp2(second), which)).toEqual(second)
        const third = { tag, status: 0, managedId: number, code }
        expect(decodeRakp3(encodeRakp3(third))).toEqual(third)
        const fourth = { tag, consoleId: number, code: code.slice(0, SUITES[which].codeBytes) }
        expect(decodeRakp4(encodeRakp4(fourth), which)).toEqual(fourth)
        const refusal = { tag, status: 0x0f, consoleId: number }
        expect(decodeRakp2(encodeRakpRefusal(refusal), which)).toEqual(refusal)
        expect(decodeRakp4(encodeRakpRefusal(refusal), which)).toEqual(refusal)
      }),
    )
  })

  test('a user name that is padded to 16 bytes has the length that its length byte says', () => {
    const message = encodeRakp1({
      tag: 0,
      managedId: 1,
      consoleRandom: new Uint8Array(16),
      nameOnly: true,
      privilege: 4,
      name: Uint8Array.of(97, 98),
    })
    const padded = new Uint8Array(44)
    padded.set(message)
    expect(decodeRakp1(padded).name).toEqual(Uint8Array.of(97, 98))
  })
})

describe('in a session', () => {
  const keysOf = (which: IpmiSuite) => sessionKeys(CRYPTO, which, new Uint8Array(SUITES[which].hashBytes).fill(5))
  const plus = (packet: Uint8Array) => decodePacket(decodeRmcp(packet).body) as PlusPacket

  test('what is sealed is opened by the same keys, and by nothing else', () => {
    fc.assert(
      fc.property(suite, bytes(255), id, id, fc.boolean(), fc.nat(2000), (...made) => {
        const [which, payload, sessionId, sequence, encrypted, damage] = made
        const keys = keysOf(which)
        const packet = sealPacket(CRYPTO, keys, { payloadType: PAYLOAD.sol, sessionId, sequence, payload, encrypted })
        const read = plus(packet)
        expect(read).toMatchObject({ sessionId, sequence, encrypted, authenticated: true, payloadType: PAYLOAD.sol })
        expect(Uint8Array.from(openPacket(CRYPTO, keys, read))).toEqual(payload)
        // From the authentication type on, every bit is signed; the number of it is not, but nothing reads without it.
        const damaged = packet.slice()
        damaged[4 + 1 + (damage % (damaged.length - 5))]! ^= 1
        expect(() => openPacket(CRYPTO, keys, plus(damaged))).toThrow()
        expect(() => openPacket(CRYPTO, keysOf(which === 17 ? 3 : 17), read)).toThrow()
      }),
    )
  })

  test('a payload whose bits say that it is not signed is refused, whatever its bytes', () => {
    const keys = keysOf(17)
    const packet = plus(encodePlus(PAYLOAD.ipmi, new Uint8Array(40)))
    expect(() => openPacket(CRYPTO, keys, packet)).toThrow('a packet of a session that is not signed')
  })

  test('SOL payloads come out as they went in', () => {
    fc.assert(
      fc.property(fc.nat(15), fc.nat(15), byte, byte, bytes(251), (sequence, acknowledged, accepted, flags, data) => {
        const packet = { sequence, acknowledged, accepted, flags, data }
        expect(decodeSol(encodeSol(packet))).toEqual(packet)
      }),
    )
    expect(nextSolSequence(15)).toBe(1)
    expect(nextSolSequence(0)).toBe(1)
    expect(decodeSol(fromHex('01000000686970')).data).toEqual(Uint8Array.of(0x68, 0x69, 0x70))
  })
})
