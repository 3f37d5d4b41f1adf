import { ByteReader, ByteWriter } from '../../kit/bytes.ts'
import { parseIpv4 } from '../../kit/ip.ts'
import { COMPLETION } from '../../protocols/ipmi/completion.ts'
import { SUITES } from '../../protocols/ipmi/cryptography.ts'
import { NET_FN, PRIVILEGE_LEVEL, THIS_CHANNEL } from '../../protocols/ipmi/net-fn.ts'
import type { CipherSuite } from '../bmc.ts'
import type { Command, CommandContext, IpmiAnswer, PrivilegeLevel } from './command.ts'
import { MOST_SESSIONS_OF_BMC } from './limits.ts'
import type { LiveSession } from './live-session.ts'
import type { Session } from './session.ts'

/** The one LAN channel of an emulated BMC. */
export const LAN_CHANNEL = 1

const NOTHING = new Uint8Array(0)
const fail = (completionCode: number): IpmiAnswer => ({ completionCode, data: NOTHING })
const done = (data: Uint8Array = NOTHING): IpmiAnswer => ({ completionCode: COMPLETION.ok, data })

const isOurChannel = (byte: number) => (byte & 0x0f) === THIS_CHANNEL || (byte & 0x0f) === LAN_CHANNEL

/** Get Channel Authentication Capabilities (IPMI 2.0 §22.13): RMCP+ only, no old authentication, no anonymous users, no key of the BMC. */
export function channelCapabilities(data: Uint8Array): IpmiAnswer {
  if (data.length !== 2) return fail(COMPLETION.badLength)
  const level = data[1]! & 0x0f
  if (!isOurChannel(data[0]!) || level < 1 || level > PRIVILEGE_LEVEL.administrator)
    return fail(COMPLETION.invalidField)
  const isExtended = (data[0]! & 0x80) !== 0
  // Without the bit an IPMI 1.5 client asks, for which there is nothing.
  return done(Uint8Array.of(LAN_CHANNEL, isExtended ? 0x80 : 0, 0x04, isExtended ? 0x02 : 0, 0, 0, 0, 0))
}

const RECORDS_PER_ANSWER = 16
const STANDARD_SUITE = 0xc0

/** Get Channel Cipher Suites (§22.15): records of suites, or the algorithms alone, 16 bytes an answer. */
export function cipherSuites(data: Uint8Array, suites: readonly CipherSuite[]): IpmiAnswer {
  if (data.length !== 3) return fail(COMPLETION.badLength)
  if (!isOurChannel(data[0]!)) return fail(COMPLETION.invalidField)
  const list = data[2]!
  const bytes =
    list & 0x80
      ? suites.flatMap((suite) => [STANDARD_SUITE, suite, ...algorithmTags(suite)])
      : [...new Set(suites.flatMap(algorithmTags))].sort((a, b) => a - b)
  const from = (list & 0x3f) * RECORDS_PER_ANSWER
  return done(Uint8Array.of(LAN_CHANNEL, ...bytes.slice(from, from + RECORDS_PER_ANSWER)))
}

/** Table 22-18: the kind of an algorithm stands in the top bits. */
function algorithmTags(suite: CipherSuite): number[] {
  const { authentication, integrity, confidentiality } = SUITES[suite]
  return [authentication, 0x40 | integrity, 0x80 | confidentiality]
}

/** What may be asked without a session, but for GUID and presence. `undefined`: nothing that we answer. */
export function answerOutside(
  command: number,
  data: Uint8Array,
  known: Readonly<{ suites: readonly CipherSuite[]; guid: Uint8Array | undefined }>,
): IpmiAnswer {
  switch (command) {
    case 0x37:
      return known.guid ? done(known.guid) : fail(COMPLETION.insufficientPrivilege)
    case 0x38:
      return channelCapabilities(data)
    // Get Session Challenge and Activate Session open sessions of IPMI 1.5: no authentication type of theirs is known here.
    case 0x39:
    case 0x3a:
      return fail(COMPLETION.invalidField)
    // ipmitool 1.8.19 asks for its level without a session when all its four logins timed out. There is no way back to its login; but
    // `insufficient privilege` would send people to look at accounts, where nothing is wrong.
    case 0x3b:
      return fail(COMPLETION.notInThisState)
    case 0x54:
      return cipherSuites(data, known.suites)
    default:
      return fail(COMPLETION.insufficientPrivilege)
  }
}

/** §22.18 */
function setPrivilege(data: Uint8Array, session: Session): IpmiAnswer {
  if (data.length !== 1) return fail(COMPLETION.badLength)
  const level = data[0]! & 0x0f
  // Callback cannot be chosen, and nobody has OEM.
  if (level === PRIVILEGE_LEVEL.callback || level > PRIVILEGE_LEVEL.administrator) return fail(0x80)
  if (level > session.maximumPrivilege) return fail(0x81)
  if (level !== 0) session.privilege = level as PrivilegeLevel
  return done(Uint8Array.of(session.privilege))
}

/** §22.20: `active` of how many may be, then who it is. */
function sessionInfo(data: Uint8Array, session: Session): IpmiAnswer {
  if (data.length < 1) return fail(COMPLETION.badLength)
  const all = [...session.bmc.sessions.values()]
  const which = data[0]!
  const reader = new ByteReader(data.subarray(1))
  let found: LiveSession | undefined
  if (which === 0) found = session
  else if (which === 0xfe && reader.remaining === 1) found = session.bmc.sessions.get(reader.u8())
  else if (which === 0xff && reader.remaining === 4) {
    const id = reader.u32le()
    found = all.find((one) => one.id === id)
  } else if (which < 0xfe) found = all[which - 1]
  else return fail(COMPLETION.badLength)
  if (!found) {
    // Asked by place, there is just none; asked by name, it is a mistake.
    return which < 0xfe ? done(Uint8Array.of(0, MOST_SESSIONS_OF_BMC, all.length)) : fail(COMPLETION.notPresent)
  }
  const writer = new ByteWriter(18).u8(found.handle).u8(MOST_SESSIONS_OF_BMC).u8(all.length)
  // 1 in the upper half: RMCP+.
  writer
    .u8(found.user.slot)
    .u8(found.privilege)
    .u8(0x10 | LAN_CHANNEL)
  writer
    .u32(parseIpv4(found.address) ?? 0)
    .bytes(NOTHING, 6)
    .u16le(found.port)
  return done(writer.finish())
}

/** §22.19. Sessions of others are an administrator's to close. */
function closeSession(data: Uint8Array, { session, sessions, endSessions }: CommandContext): IpmiAnswer {
  if (data.length !== 4 && data.length !== 5) return fail(COMPLETION.badLength)
  const reader = new ByteReader(data)
  const id = reader.u32le()
  const handle = id === 0 && reader.remaining === 1 ? reader.u8() : 0
  const found = sessions.find((one) => (id === 0 ? one.handle === handle : one.id === id))
  if (found !== session && session.privilege < PRIVILEGE_LEVEL.administrator)
    return fail(COMPLETION.insufficientPrivilege)
  if (!found) return fail(id === 0 ? 0x88 : 0x87)
  endSessions(found)
  return done()
}

const command = (number: number, name: string, privilege: PrivilegeLevel, run: Command['run']): Command => ({
  netFn: NET_FN.application,
  command: number,
  name,
  privilege,
  run,
})

/** Commands that are about sessions themselves. */
export const SESSION_COMMANDS: readonly Command[] = [
  command(0x38, 'Get Channel Authentication Capabilities', 0, (data) => channelCapabilities(data)),
  command(0x54, 'Get Channel Cipher Suites', 0, (data, { suites }) => cipherSuites(data, suites)),
  command(0x3b, 'Set Session Privilege Level', PRIVILEGE_LEVEL.callback, (data, { session }) =>
    setPrivilege(data, session as Session),
  ),
  command(0x3c, 'Close Session', PRIVILEGE_LEVEL.callback, closeSession),
  command(0x3d, 'Get Session Info', PRIVILEGE_LEVEL.user, (data, { session }) => sessionInfo(data, session as Session)),
]
