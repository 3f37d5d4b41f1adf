import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { type Ipv4, ipv4 } from '../../kit/ip.ts'
import type { DhcpMessage } from './message.ts'
import { OPTION } from './options.ts'

/** Sub-options of relay agent information: RFC 3046 §2.0, RFC 3527, RFC 5107. */
export const RELAY_SUBOPTION = { circuitId: 1, remoteId: 2, linkSelection: 5, serverIdOverride: 11 } as const

/** What a relay says of where the client is. The identifiers are opaque bytes. */
export type RelayInformation = Readonly<{
  circuitId?: Uint8Array | undefined
  remoteId?: Uint8Array | undefined
  /** RFC 3527: the client's link, when it is not the one of `giaddr`. */
  linkSelection?: Ipv4 | undefined
  /** RFC 5107: the address that clients shall take for the server, so that renewals pass the relay. */
  serverIdOverride?: Ipv4 | undefined
}>

/** Decodes option 82; `undefined` when there is none, `DecodeError` when it is malformed. */
export function relayInformation(message: DhcpMessage): RelayInformation | undefined {
  const bytes = message.options.get(OPTION.relayAgentInformation.code)
  if (!bytes) return undefined
  const reader = new ByteReader(bytes)
  const parts = new Map<number, Uint8Array>()
  // RFC 3046 §2.0: no pad, no end mark; lengths must add up exactly.
  while (reader.remaining > 0) {
    const code = reader.u8()
    parts.set(code, reader.bytes(reader.u8()))
  }
  const address = (code: number) => {
    const part = parts.get(code)
    return part && ipv4(new ByteReader(part).u32())
  }
  return {
    circuitId: parts.get(RELAY_SUBOPTION.circuitId),
    remoteId: parts.get(RELAY_SUBOPTION.remoteId),
    linkSelection: address(RELAY_SUBOPTION.linkSelection),
    serverIdOverride: address(RELAY_SUBOPTION.serverIdOverride),
  }
}

/** Encodes relay agent information as a relay would. */
export function encodeRelayInformation(information: RelayInformation): Uint8Array {
  const writer = new ByteWriter(64)
  const write = (code: number, value: Uint8Array | undefined) => value && writer.u8(code).u8(value.length).bytes(value)
  const bytes = (value: Ipv4 | undefined) => (value === undefined ? undefined : new ByteWriter(4).u32(value).finish())
  write(RELAY_SUBOPTION.circuitId, information.circuitId)
  write(RELAY_SUBOPTION.remoteId, information.remoteId)
  write(RELAY_SUBOPTION.linkSelection, bytes(information.linkSelection))
  write(RELAY_SUBOPTION.serverIdOverride, bytes(information.serverIdOverride))
  return writer.finish()
}
