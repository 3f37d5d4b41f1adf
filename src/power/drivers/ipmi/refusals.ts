import { Refusal } from '../../../kit/errors.ts'
import { COMPLETION, type CompletionError } from '../../../protocols/ipmi/completion.ts'
import { MaybeDone } from '../../driver.ts'

/** What all refusals of one BMC have in common: where it is and as whom we came. */
export type Whom = Readonly<{ where: string; user: string; privilege: string }>

const account = ({ user }: Whom) => (user === '' ? 'the account without a name' : `the account ${JSON.stringify(user)}`)

export const noAnswer = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} does not answer.`, {
    next: 'Check its address and port, that IPMI over LAN is switched on in it, and that UDP 623 is let through.',
  })

export const onlyOldIpmi = (whom: Whom) =>
  new Refusal(
    'not-available',
    `The BMC at ${whom.where} answers IPMI 1.5, but not the IPMI 2.0 session that was asked for.`,
    {
      next: 'Switch on IPMI 2.0 (RMCP+) in the BMC or update its firmware: older sessions are not encrypted and never used.',
    },
  )

export const unreachable = (whom: Whom, code: string) =>
  new Refusal('not-available', `Nothing can be sent to the BMC at ${whom.where} (${code}).`, {
    next: 'Check the routes and the firewall of this server.',
  })

export const unknownHost = (whom: Whom, code: string) =>
  new Refusal('not-available', `The name of the BMC at ${whom.where} has no address (${code}).`, {
    next: 'Check the name, or give the address itself.',
  })

export const wentSilent = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} stopped answering in the middle of the work.`, {
    next: 'Try again in a minute. If it stays so, restart the BMC: ipmitool mc reset cold.',
  })

export const notKnownWhetherDone = (whom: Whom) =>
  new MaybeDone(
    'not-available',
    `The BMC at ${whom.where} was told, but did not confirm it: it may have done it or not.`,
    {
      next: 'Read the power state, and order it again only if it is not what you want.',
    },
  )

export const tooSlow = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} answers too slowly: the time for this ran out.`, {
    next: 'Try again; if it stays so, look at what else asks this BMC, or restart it.',
  })

export const tooMany = (whom: Whom) =>
  new Refusal('too-many-requests', `Too much is waiting for the BMC at ${whom.where} already.`, {
    next: 'Wait until it has answered; one request at a time is all that a BMC is given.',
  })

export const closed = (whom: Whom) =>
  new Refusal('not-available', `The connection to the BMC at ${whom.where} was closed.`)

export const wrongPassword = (whom: Whom) =>
  new Refusal('wrong-credentials', `The password of ${account(whom)} does not fit at the BMC at ${whom.where}.`, {
    next: 'Give the right password; some BMCs answer so too when there is no such account, or lock it for a while.',
  })

export const wrongBmcKey = (whom: Whom) =>
  new Refusal('wrong-credentials', `The password fits at the BMC at ${whom.where}, but its key (Kg) does not.`, {
    next: 'Give the BMC key as secret `kg`; leave it out if the BMC has none.',
  })

export const unknownUser = (whom: Whom) =>
  new Refusal(
    'wrong-credentials',
    `The BMC at ${whom.where} has no ${account(whom).slice(4)}, or it is not enabled for LAN.`,
    {
      next: 'Check the name, and that the account is enabled and may use channel access (ipmitool user list).',
    },
  )

export const proofRefused = (whom: Whom) =>
  new Refusal('wrong-credentials', `The BMC at ${whom.where} does not accept our proof of the password.`, {
    next: 'Check the password and the BMC key (Kg).',
  })

export const privilegeTooHigh = (whom: Whom) =>
  new Refusal(
    'wrong-credentials',
    `The BMC at ${whom.where} does not give ${account(whom)} the privilege ${whom.privilege}.`,
    { next: 'Set the privilege of the driver lower (operator can switch), or raise that of the account in the BMC.' },
  )

export const outOfSessions = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} has no free session.`, {
    next: 'End other sessions with it (ipmitool session info all), or wait a minute: idle ones end by themselves.',
  })

export const noSuite = (whom: Whom, tried: readonly number[]) =>
  new Refusal(
    'not-available',
    `The BMC at ${whom.where} does not take ${tried.map((id) => `cipher suite ${id}`).join(' nor ')}.`,
    {
      next: 'Switch on cipher suite 17 or 3 in the BMC. Suites that do not encrypt are never used.',
    },
  )

export const otherSuite = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} answers with other algorithms than those it was asked for.`, {
    next: 'Set the cipher suite of the driver to 3, or update the BMC.',
  })

export const sessionRefused = (whom: Whom, step: string, status: number) =>
  new Refusal('not-available', `The BMC at ${whom.where} refuses a session (${step}, status ${hex(status)}).`, {
    next: 'Look up this status in IPMI 2.0 table 13-15, and what the BMC logs about it.',
  })

export const badAnswer = (whom: Whom, command: string, why: string) =>
  new Refusal('not-available', `The BMC at ${whom.where} answers ${command} with something else: ${why}.`, {
    next: 'Update the firmware of the BMC; if it stays so, report it with its model.',
  })

export const bootDeviceUnknown = (whom: Whom, device: string) =>
  new Refusal(
    'wrong-state',
    `IPMI has no word for booting from ${device}, so the BMC at ${whom.where} cannot be told.`,
    {
      next: 'Use Redfish for it, or order pxe, disk, cdrom, usb, media, setup or diag.',
    },
  )

export const passwordTooLong = (whom: Whom, most: number) =>
  new Refusal(
    'wrong-credentials',
    `The password for the BMC at ${whom.where} is longer than the ${most} bytes that IPMI has.`,
    {
      next: 'Set a shorter password in the BMC and here.',
    },
  )

export const noSerialLine = (whom: Whom, why: string) =>
  new Refusal('wrong-state', `The BMC at ${whom.where} does not open its serial line: ${why}.`, {
    next: 'Switch serial over LAN on in the BMC, and let this account use it (ipmitool sol info, ipmitool sol payload).',
  })

export const notCleared = (whom: Whom) =>
  new Refusal('not-available', `The BMC at ${whom.where} does not come to an end with clearing its log.`, {
    next: 'Look at the log again in a minute.',
  })

/** The BMC answered a command with no. */
export function answeredNo(whom: Whom, error: CompletionError): Refusal {
  if (error.code === COMPLETION.insufficientPrivilege)
    return new Refusal(
      'wrong-credentials',
      `The BMC at ${whom.where} does not let ${account(whom)} do this with the privilege ${whom.privilege}.`,
      { next: 'Raise the privilege of the driver, and of the account in the BMC.' },
    )
  return new Refusal('wrong-state', `The BMC at ${whom.where} answered ${error.message}.`, {
    next:
      error.code === COMPLETION.unknownCommand
        ? 'This BMC cannot do it; let another driver of the machine do it.'
        : 'Look at the state of the machine and at the log of its BMC.',
  })
}

export const hex = (value: number) => `${value.toString(16).toUpperCase().padStart(2, '0')}h`
