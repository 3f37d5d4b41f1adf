import { isIP } from 'node:net'
import snmp, { type Session } from 'net-snmp'
import { Refusal } from '../../../kit/errors.ts'
import type { DriverSecrets } from '../../configured.ts'
import type { SettingsOf } from '../../settings.ts'

type SnmpSettings = SettingsOf<'snmp'>

/** The first question is repeated after 1.5 seconds, then after 3; nothing for 6 more is no answer. */
const TIMEOUT_MS = 1_500
const RETRIES = 2
const BACKOFF = 2

/** Reads and writes single whole numbers. Whatever goes wrong is a `Refusal`; what net-snmp says is not passed on: it may hold a community. */
export interface Agent {
  read(oid: string): Promise<number>
  write(oid: string, value: number): Promise<void>
  close(): void
}

export function openAgent(settings: SnmpSettings, secrets: DriverSecrets): Agent {
  const session = sessionOf(settings, secrets)
  // Bytes that are no SNMP. What was asked runs into its timeout.
  session.on('error', () => undefined)
  const where = `${settings.address} port ${settings.port}`
  return {
    read: (oid) =>
      new Promise((resolve, reject) => {
        session.get([oid], (error, answers) => {
          const answer = answers?.[0]
          if (error || !answer) reject(refusalOf(error, where, oid, settings))
          else if (snmp.isVarbindError(answer)) reject(noOutlet(where, oid, settings))
          else if (typeof answer.value !== 'number') reject(noNumber(where, oid))
          else resolve(answer.value)
        })
      }),
    write: (oid, value) =>
      new Promise((resolve, reject) => {
        session.set([{ oid, type: snmp.ObjectType.Integer, value }], (error, answers) => {
          const answer = answers?.[0]
          if (error || !answer) reject(refusalOf(error, where, oid, settings))
          else if (snmp.isVarbindError(answer)) reject(noOutlet(where, oid, settings))
          else resolve()
        })
      }),
    close: () => session.close(),
  }
}

function sessionOf(settings: SnmpSettings, secrets: DriverSecrets): Session {
  const { address, port, version, user } = settings
  const options = {
    port,
    version: { '1': snmp.Version1, '2c': snmp.Version2c, '3': snmp.Version3 }[version],
    retries: RETRIES,
    timeout: TIMEOUT_MS,
    backoff: BACKOFF,
    transport: isIP(address) === 6 ? 'udp6' : 'udp4',
  } as const
  if (version !== '3') return snmp.createSession(address, secrets.community?.reveal() ?? 'public', options)
  const authKey = secrets.authKey?.reveal()
  const privKey = secrets.privKey?.reveal()
  const authenticated = settings.authProtocol !== 'none' && authKey !== undefined
  const encrypted = authenticated && settings.privProtocol !== 'none' && privKey !== undefined
  const { noAuthNoPriv, authNoPriv, authPriv } = snmp.SecurityLevel
  return snmp.createV3Session(
    address,
    {
      name: user,
      level: encrypted ? authPriv : authenticated ? authNoPriv : noAuthNoPriv,
      ...(authenticated ? { authProtocol: snmp.AuthProtocols[settings.authProtocol], authKey } : {}),
      ...(encrypted ? { privProtocol: snmp.PrivProtocols[settings.privProtocol], privKey } : {}),
    },
    options,
  )
}

const MAY_NOT_WRITE = new Set(['ReadOnly', 'NoAccess', 'AuthorizationError', 'NotWritable'])
const NO_SUCH = new Set(['NoSuchName', 'NoCreation', 'InconsistentName'])

function refusalOf(error: (Error & { status?: number }) | null, where: string, oid: string, settings: SnmpSettings) {
  const { version } = settings
  if (error?.name === 'RequestTimedOutError')
    return new Refusal('not-available', `${where} does not answer SNMP version ${version}`, {
      next:
        version === '3'
          ? 'see that the strip is there and that SNMP version 3 is switched on in it'
          : 'see that the strip is there, and that version and community are right: a wrong one is not answered',
    })
  if (error?.name === 'RequestFailedError') {
    const status = String(snmp.ErrorStatus[String(error.status)] ?? 'an error')
    if (NO_SUCH.has(status)) return noOutlet(where, oid, settings)
    if (MAY_NOT_WRITE.has(status))
      return new Refusal('wrong-credentials', `${where} does not let this ${whom(version)} write (${status})`, {
        next: `set the driver to a ${whom(version)} that may write`,
      })
    return new Refusal('wrong-state', `${where} refused to switch the outlet: ${status}`, {
      next: 'see in the strip whether the outlet is locked',
    })
  }
  if (error?.name === 'ResponseInvalidError')
    return new Refusal('wrong-credentials', `${where} answered what cannot be trusted or refused the login`, {
      next:
        version === '3'
          ? 'set user, protocols and keys of the driver as they are in the strip'
          : 'see that the community of the driver is right, and that nobody else has this address',
    })
  const { code } = (error ?? {}) as NodeJS.ErrnoException
  return new Refusal('not-available', `${where} cannot be asked by SNMP${code === undefined ? '' : `: ${code}`}`, {
    next: 'see that the address is right and that it can be reached from this server',
  })
}

function whom(version: SnmpSettings['version']): string {
  return version === '3' ? 'user' : 'community'
}

function noOutlet(where: string, oid: string, { model, outlet }: SnmpSettings): Refusal {
  return new Refusal('wrong-state', `${where} has no outlet ${outlet} as ${model} strips have it (${oid})`, {
    next: 'see that model, outlet and unit of the driver are right; a community may also be kept from seeing it',
  })
}

function noNumber(where: string, oid: string): Refusal {
  return new Refusal('wrong-state', `${where} has something at ${oid} that is no state of an outlet`, {
    next: 'see that the model of the driver is right',
  })
}
