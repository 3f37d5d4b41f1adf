import { readFile } from 'node:fs/promises'
import type { GuestInfo } from '../../api/contract/rooms.ts'
import { type CliCommand, type Common, choice, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { newPassword } from '../password.ts'
import { facts, table } from '../table.ts'
import { duration } from '../units.ts'

function guestText({ users, ...guest }: GuestInfo, columns: number | undefined): string {
  const head = facts([
    ['host name', guest.hostname],
    ['system', guest.os],
    ['kernel', guest.kernel],
    ['runs for', duration(guest.uptimeSeconds * 1000)],
    ['addresses', guest.addresses.join(', ')],
  ])
  if (users.length === 0) return `${head}\nNobody is logged in.\n`
  const rows = users.map(({ name, terminal, from, since }) => [name, terminal, from, since])
  return `${head}\n${table(['user', 'terminal', 'from', 'since'], rows, columns)}`
}

type AccessOptions = Common & {
  login: string
  port?: number
  key?: string
  passwordFile?: string
  hostKey?: string
}

export function guestCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const guest = group(program, 'guest', 'ask and steer the system that runs on a machine')

  leaf(guest, 'access <machine>', 'say how its running system is reached by SSH', [
    'reveille guest access pc01 --login root --key ~/.ssh/room',
    'reveille guest access pc02 --login admin --password-file secret.txt',
  ])
    .requiredOption('--login <login>', 'who logs in')
    .option('--port <number>', '22 if not given', wholeNumber(1))
    .option('--key <file>', 'a private key without a passphrase; without it a password is asked for')
    .option('--password-file <file>', 'a file with the password on its first line')
    .option('--host-key <fingerprint>', 'SHA256:... that it must show; the first one seen if not given')
    .action(async (machine: string, options: AccessOptions) => {
      const { login, port, key, passwordFile, hostKey } = options
      if (key !== undefined && passwordFile !== undefined) throw new WrongUse('give --key or --password-file, not both')
      const proof =
        key === undefined
          ? { password: await newPassword(context, passwordFile) }
          : { privateKey: await readFile(key, 'utf8') }
      const body = { user: login, port, hostKey, ...proof }
      const said = await (await context.client()).setGuestAccess({ params: { machine }, body })
      show(context, options, said, () => {
        const pinned = said.hostKey === null ? 'its host key is learnt at the first connection' : said.hostKey
        return `${machine} is reached as ${said.user} on port ${said.port}; ${pinned}\n`
      })
    })

  leaf(guest, 'info <machine>', 'who it is, how long it runs, and who is logged in', [
    'reveille guest info pc01',
  ]).action(async (machine: string, options: Common) => {
    const found = await (await context.client()).getGuest({ params: { machine } })
    show(context, options, found, () => guestText(found, terminal.columns))
  })

  leaf(guest, 'password <machine> <login>', 'set a password there; it is asked for, or read from a pipe or a file', [
    'reveille guest password pc01 player',
    'reveille guest password pc01 player --via volume < new-password',
  ])
    .addOption(
      choice('--via <way>', 'ssh: into the running system (if not given); volume: into its disk while it is off', [
        'ssh',
        'volume',
      ]),
    )
    .option('--password-file <file>', 'a file with the password on its first line')
    .action(
      async (machine: string, login: string, options: Common & { via?: 'ssh' | 'volume'; passwordFile?: string }) => {
        const client = await context.client()
        const password = await newPassword(context, options.passwordFile)
        await client.setGuestPassword({ params: { machine }, body: { user: login, password, via: options.via } })
        show(context, options, { changed: login }, () => `the password of ${login} on ${machine} is changed\n`)
      },
    )

  leaf(guest, 'reboot <machine>', 'ask its running system to reboot cleanly', ['reveille guest reboot pc01'])
    .option('--power-off', 'to switch itself off instead')
    .action(async (machine: string, options: Common & { powerOff?: boolean }) => {
      await (await context.client()).rebootGuest({ params: { machine }, body: { powerOff: options.powerOff } })
      const what = options.powerOff ? 'powers off' : 'reboots'
      show(context, options, { machine, asked: what }, () => `${machine} was asked and ${what}\n`)
    })
}
