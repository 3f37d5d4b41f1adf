import { describe, expect, test } from 'vitest'
import { fromHex, hex, latin1Bytes } from '../../kit/bytes.ts'
import { IPMI_CRYPTOGRAPHY as CRYPTO } from '../../sockets/ipmi-cryptography.ts'
import type { IpmiSuite } from './cryptography.ts'
import { decodeRequest, decodeResponse } from './message.ts'
import { decodeOpenSessionRequest, decodeOpenSessionResponse, isOpened } from './open-session.ts'
import { decodePacket, PAYLOAD, type PlusPacket } from './packet.ts'
import {
  decodeRakp1,
  decodeRakp2,
  decodeRakp3,
  decodeRakp4,
  type Rakp2,
  type Rakp4,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  roleByte,
  sessionIntegrityKey,
  sessionKeys,
} from './rakp.ts'
import { decodeRmcp } from './rmcp.ts'
import { openPacket } from './seal.ts'
import { statusText } from './status.ts'

/** Logins of ipmitool 1.8.19 with the password `secret`: Open Session, RAKP 1 to 4, Set Session Privilege Level and its answer. */
const RECORDED: readonly Readonly<{ bmc: string; suite: IpmiSuite; user: string; packets: readonly string[] }>[] = [
  {
    bmc: 'ipmi_sim of OpenIPMI',
    suite: 3,
    user: 'ADMIN',
    packets: [
      '0600ff0706100000000000000000200000000000a4a3a2a0000000080100000001000008010000000200000801000000',
      '0600ff0706110000000000000000240000000000a4a3a2a002000000000000080100000001000008010000000200000801000000',
      '0600ff070612000000000000000021000000000002000000e6cb3a405a017553f0680fdc882792cd1400000541444d494e',
      '0600ff07061300000000000000003c0000000000a4a3a2a0e3f04b2c24bbd4916f24310e52ad8e21a123456789abcdefa123456789abcdefa265e1323bc5ca8e7871dd6a01534bbcae523c5f',
      '0600ff07061400000000000000001c00000000000200000094a16c669fcf5c18ba8e05ad15c44b1782072a30',
      '0600ff0706150000000000000000140000000000a4a3a2a0bb2c78e8e3da2aa926806a26',
      '0600ff0706c0020000000300000020002b8a7609dd3e4019bf6dca24954c086dbaa106c546b5e776c4ee9c548366c21affff02076e72b7d0f04dd59d47675bc6',
      '0600ff0706c0a4a3a2a0010000002000b2f62312edfee92f4e549f7a3320018009461a2af83d4d0d88933ac370d13933ffff020744e27499d0d8779c0d5edf99',
    ],
  },
  {
    bmc: 'the gateway of Reveille',
    suite: 17,
    user: 'admin',
    packets: [
      '0600ff0706100000000000000000200000000000a4a3a2a0000000080300000001000008040000000200000801000000',
      '0600ff0706110000000000000000240000000400a4a3a2a0d12fb43e000000080300000001000008040000000200000801000000',
      '0600ff0706120000000000000000210000000000d12fb43e6158a22c8b8b4833a851bd85bbddec081400000561646d696e',
      '0600ff0706130000000000000000480000000000a4a3a2a01adb48f8fa02c6c7925e0129a606590a00112233445566778899aabbccddeeff516f8c76ab31c3e9eed28954427b1036ef69c4c2c252354e04cbe538ee33ece9',
      '0600ff0706140000000000000000280000000000d12fb43e855a13748ba15dcc6ece98be5d5af7e004f52dbadc44bc4f80d2bdfdceee17b2',
      '0600ff0706150000000000000000180000000000a4a3a2a02083457f4b12700784eb4599ade7cf43',
      '0600ff0706c0d12fb43e03000000200092824123f790c0378d7094e685bd31182408911f92063d05ea2d3ef9ceabd485ffff0207df1558deeb34db1593efaed2a421bdaa',
      '0600ff0706c0a4a3a2a001000000200003e8c8344f8de655acd2156bbdbf0e1b91a5d3fade380daa19fd8137fb267327ffff0207cb8bfedd59d53bc352bb54939b7a56d6',
    ],
  },
]

const read = (packet: string) => decodePacket(decodeRmcp(fromHex(packet)).body) as PlusPacket

describe.each(RECORDED)('ipmitool and $bmc, suite $suite', ({ suite, user, packets }) => {
  const [open, opened, one, two, three, four, command, answer] = packets.map(read)
  const request = decodeOpenSessionRequest(open!.payload)
  const response = decodeOpenSessionResponse(opened!.payload)
  if (!isOpened(response)) throw new Error('it was refused')
  const first = decodeRakp1(one!.payload)
  const second = decodeRakp2(two!.payload, suite) as Rakp2
  const third = decodeRakp3(three!.payload)
  const fourth = decodeRakp4(four!.payload, suite) as Rakp4
  const password = latin1Bytes('secret')
  const exchange = {
    suite,
    consoleId: request.consoleId,
    managedId: response.managedId,
    consoleRandom: first.consoleRandom,
    managedRandom: second.managedRandom,
    guid: second.guid,
    role: roleByte(first),
    name: first.name,
  }
  const sik = sessionIntegrityKey(CRYPTO, exchange, password)

  test('both proofs of the password are what we reckon', () => {
    expect(first).toMatchObject({ name: latin1Bytes(user), privilege: 4, nameOnly: true })
    expect(hex(second.code)).toBe(hex(rakp2Code(CRYPTO, exchange, password)))
    expect(hex(third.code)).toBe(hex(rakp3Code(CRYPTO, exchange, password)))
    expect(hex(fourth.code)).toBe(hex(rakp4Code(CRYPTO, exchange, sik)))
  })

  test('what was sent inside the session is opened with the keys we reckon', () => {
    const keys = sessionKeys(CRYPTO, suite, sik)
    const asked = decodeRequest(openPacket(CRYPTO, keys, command!))
    expect(asked).toMatchObject({ netFn: 6, command: 0x3b, data: Uint8Array.of(4) })
    const said = decodeResponse(openPacket(CRYPTO, keys, answer!))
    expect(said).toMatchObject({ netFn: 7, command: 0x3b, completionCode: 0, data: Uint8Array.of(4) })
    expect([command!.sequence, answer!.sequence, command!.payloadType]).toEqual([3, 1, PAYLOAD.ipmi])
  })
})

test('each status says in words what is wrong', () => {
  expect(statusText(0x0f)).toBe('the password is wrong')
  expect(statusText(0x77)).toBe('it answers status 119')
})
