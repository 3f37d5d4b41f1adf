import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import type { DhcpMessage } from './message.ts'
import { encodeRelayInformation, relayInformation } from './relay.ts'

function relayed(information?: Uint8Array): DhcpMessage {
  const none = ipv4(0)
  return {
    ...{ op: 1, htype: 1, hops: 1, xid: 1, secs: 0, flags: 0, sname: '', file: '' },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: ipv4(1), chaddr: new Uint8Array(6) },
    options: new Map(information ? [[82, information]] : []),
  }
}

describe('relay agent information', () => {
  it('comes back as a relay sent it', () => {
    const information = {
      circuitId: Uint8Array.of(0, 4, 0, 10),
      remoteId: Uint8Array.of(1, 2),
      linkSelection: ipv4(0x0a140000),
      serverIdOverride: ipv4(0x0a140001),
    }
    expect(relayInformation(relayed(encodeRelayInformation(information)))).toEqual(information)
  })

  it('is absent without option 82', () => {
    expect(relayInformation(relayed())).toBeUndefined()
  })

  it.each([
    ['a sub-option without a length', [1]],
    ['a sub-option that is cut', [1, 4, 0, 0]],
    ['a link of 3 bytes', [5, 3, 10, 0, 0]],
  ])('refuses %s', (_, bytes) => {
    expect(() => relayInformation(relayed(Uint8Array.from(bytes)))).toThrow(DecodeError)
  })

  it('passes over sub-options it does not know', () => {
    expect(relayInformation(relayed(Uint8Array.of(151, 2, 0, 0, 1, 1, 65)))?.circuitId).toEqual(Uint8Array.of(65))
  })
})
