import { describe, expect, it } from 'vitest'
import { DecodeError } from '../../kit/errors.ts'
import { ipv4 } from '../../kit/ip.ts'
import type { DhcpMessage } from './message.ts'
import { asksFor, getOption, messageType, OPTION, OptionsBuilder } from './options.ts'

function withOptions(options: ReadonlyMap<number, Uint8Array>): DhcpMessage {
  const none = ipv4(0)
  return {
    ...{ op: 1, htype: 1, hops: 0, xid: 1, secs: 0, flags: 0, sname: '', file: '' },
    ...{ ciaddr: none, yiaddr: none, siaddr: none, giaddr: none, chaddr: new Uint8Array(6) },
    options,
  }
}

describe('typed options', () => {
  it('come back as they were set', () => {
    const message = withOptions(
      new OptionsBuilder()
        .set(OPTION.subnetMask, ipv4(0xffffff00))
        .set(OPTION.dns, [ipv4(0x0a000001), ipv4(0x0a000002)])
        .set(OPTION.leaseTime, 3600)
        .set(OPTION.maxMessageSize, 1472)
        .set(OPTION.hostname, 'node-0001')
        .set(OPTION.clientArchitecture, [7, 9])
        .build(),
    )
    expect(getOption(message, OPTION.subnetMask)).toBe(0xffffff00)
    expect(getOption(message, OPTION.dns)).toEqual([0x0a000001, 0x0a000002])
    expect(getOption(message, OPTION.leaseTime)).toBe(3600)
    expect(getOption(message, OPTION.maxMessageSize)).toBe(1472)
    expect(getOption(message, OPTION.hostname)).toBe('node-0001')
    expect(getOption(message, OPTION.clientArchitecture)).toEqual([7, 9])
    expect(message.options.get(1)).toEqual(Uint8Array.of(255, 255, 255, 0))
  })

  it('are absent when there is nothing to say', () => {
    const built = new OptionsBuilder()
      .setIfAny(OPTION.dns, [])
      .setIfAny(OPTION.domain, null)
      .setIfAny(OPTION.domain, '')
    expect(built.build().size).toBe(0)
  })

  it.each([
    ['an address of 3 bytes', OPTION.requestedAddress, [1, 2, 3]],
    ['a list of 5 bytes', OPTION.router, [1, 2, 3, 4, 5]],
    ['an empty list', OPTION.clientArchitecture, []],
    ['a message type of 2 bytes', OPTION.messageType, [1, 1]],
  ])('refuse %s', (_, type, bytes) => {
    const message = withOptions(new Map([[type.code, Uint8Array.from(bytes)]]))
    expect(() => getOption<unknown>(message, type)).toThrow(DecodeError)
  })

  it('read text up to its NUL', () => {
    expect(getOption(withOptions(new Map([[12, Uint8Array.of(97, 98, 0, 99)]])), OPTION.hostname)).toBe('ab')
  })

  it('name the message type, none for BOOTP, and refuse unknown ones', () => {
    expect(messageType(withOptions(new Map([[53, Uint8Array.of(3)]])))).toBe('request')
    expect(messageType(withOptions(new Map()))).toBeUndefined()
    expect(() => messageType(withOptions(new Map([[53, Uint8Array.of(99)]])))).toThrow(DecodeError)
  })

  it('know what the client asks for', () => {
    const message = withOptions(new Map([[55, Uint8Array.of(1, 3, 42)]]))
    expect(asksFor(message, OPTION.ntp)).toBe(true)
    expect(asksFor(message, OPTION.hostname)).toBe(false)
  })
})
