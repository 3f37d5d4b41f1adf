import { ByteWriter, hex } from '../../../kit/bytes.ts'
import { COMPLETION } from '../../../protocols/ipmi/completion.ts'
import * as wire from '../../../protocols/ipmi/lan.ts'
import { PRIVILEGE_LEVEL } from '../../../protocols/ipmi/net-fn.ts'
import type { Command, CommandContext } from '../command.ts'
import { answers, checkChannel, refuse } from './answers.ts'

const UNKNOWN_ADDRESS = Uint8Array.of(0, 0, 0, 0)

/** The four bytes of an IPv4 address; zeros, which IPMI takes for "not known", for anything else. */
function addressBytes(address: string | null): Uint8Array {
  const parts = (address ?? '').split('.').map(Number)
  return parts.length === 4 && parts.every((part) => part >= 0 && part <= 255)
    ? Uint8Array.from(parts)
    : UNKNOWN_ADDRESS
}

/** Its own, or the one that the server serves all BMCs at. */
const addressOf = ({ backEnd, host }: CommandContext): Uint8Array => addressBytes(backEnd.bmc.address ?? host ?? null)

/** Table 23-4, parameters 23 and 24: sixteen numbers, and a level of four bits for each. */
const SUITE_PLACES = 16

function suites({ suites }: CommandContext): Uint8Array {
  return new ByteWriter(17).u8(0).bytes(Uint8Array.from(suites).sort(), SUITE_PLACES).finish()
}

/** No level stands for "not to be used". */
function suitePrivileges({ suites }: CommandContext): Uint8Array {
  const bytes = new Uint8Array(1 + SUITE_PLACES / 2)
  suites.forEach((_, i) => {
    bytes[1 + (i >> 1)]! |= PRIVILEGE_LEVEL.administrator << (i % 2 === 0 ? 0 : 4)
  })
  return bytes
}

const P = wire.LAN_PARAMETER

/**
 * What can be said of the address that a BMC is reached at. It shares a network card with the server and others of its kind, so
 * MAC address, mask and gateway are not its own and stay zero. There is no community: nothing here sends alerts.
 */
const READERS: ReadonlyMap<number, (context: CommandContext) => Uint8Array> = new Map([
  [P.setInProgress, ({ state }: CommandContext) => Uint8Array.of(state.lan.inProgress)],
  // Neither of IPMI 1.5's ways to log in is there.
  [P.authenticationSupport, () => Uint8Array.of(0)],
  [P.authenticationEnables, () => new Uint8Array(5)],
  [P.address, (context: CommandContext) => addressOf(context)],
  [
    P.addressSource,
    (context: CommandContext) =>
      Uint8Array.of(
        hex(addressOf(context)) === hex(UNKNOWN_ADDRESS) ? wire.ADDRESS_SOURCE.other : wire.ADDRESS_SOURCE.fixed,
      ),
  ],
  [P.mac, () => new Uint8Array(6)],
  [P.subnetMask, () => UNKNOWN_ADDRESS],
  // Time to live 64, do not fragment, no precedence.
  [P.ipv4Header, () => Uint8Array.of(0x40, 0x40, 0x10)],
  [P.rmcpPort, ({ port }: CommandContext) => new ByteWriter(2).u16le(port).finish()],
  [P.secondaryRmcpPort, () => new Uint8Array(2)],
  // The operating system of the server answers ARP.
  [P.arpControl, () => Uint8Array.of(0x02)],
  [P.gratuitousArpInterval, () => Uint8Array.of(0)],
  [P.gateway, () => UNKNOWN_ADDRESS],
  [P.gatewayMac, () => new Uint8Array(6)],
  [P.backupGateway, () => UNKNOWN_ADDRESS],
  [P.backupGatewayMac, () => new Uint8Array(6)],
  [P.destinationCount, () => Uint8Array.of(0)],
  [P.vlan, () => new Uint8Array(2)],
  [P.vlanPriority, () => Uint8Array.of(0)],
  [P.suiteCount, ({ suites }: CommandContext) => Uint8Array.of(suites.length)],
  [P.suites, suites],
  [P.suitePrivileges, suitePrivileges],
  // No account is locked for wrong passwords: that would let anybody lock it. Addresses are slowed down instead.
  [P.badPasswordThreshold, () => new Uint8Array(6)],
])

export const LAN: readonly Command[] = [
  answers(wire.GET_LAN_PARAMETER, (request, context) => {
    checkChannel(request.channel)
    if (request.revisionOnly) return { data: new Uint8Array(0) }
    const read = READERS.get(request.parameter) ?? refuse(wire.PARAMETER_COMPLETION.notSupported)
    if (request.set !== 0 || request.block !== 0) refuse(COMPLETION.invalidField)
    return { data: read(context) }
  }),
  answers(wire.SET_LAN_PARAMETER, ({ channel, parameter, data }, context) => {
    checkChannel(channel)
    if (parameter === P.setInProgress && data.length === 1) {
      context.state.lan.inProgress = data[0] === 1 ? 1 : 0
      return
    }
    const read = READERS.get(parameter) ?? refuse(wire.PARAMETER_COMPLETION.notSupported)
    // Clients that keep settings in files write back what they read.
    if (hex(read(context)) !== hex(data)) refuse(wire.PARAMETER_COMPLETION.readOnly)
  }),
]
