import { readFile } from 'node:fs/promises'
import { Argument, InvalidArgumentError } from 'commander'
import type { InputOf } from '../../api/client/client.ts'
import type { PowerDriverInfo } from '../../api/contract/power.ts'
import { type CliCommand, type Common, choice, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful } from '../failure.ts'
import { newPassword } from '../password.ts'
import { facts, table } from '../table.ts'
import { ago } from '../units.ts'

/** As `DRIVER_KINDS` of the contract, which would bring all schemas along; a test compares them. `lab` and `agent` are there by themselves. */
export const DRIVER_KINDS = ['ipmi', 'redfish', 'ssh', 'wol', 'snmp', 'http', 'manual'] as const

type DriverBody = NonNullable<InputOf<'putPowerDriver'>['body']>
type Options = Common & {
  kind: (typeof DRIVER_KINDS)[number]
  address?: string
  url?: string
  port?: number
  user?: string
  set?: Setting[]
  password?: boolean
  passwordFile?: string
  secret?: SecretFile[]
  position?: number
}
type Setting = Readonly<{ name: string; value: unknown }>
type SecretFile = Readonly<{ name: string; path: string }>

/** `NAME=VALUE`; a value that is JSON is taken as that, so that numbers, lists and null can be written. */
function setting(text: string, before: Setting[] | undefined): Setting[] {
  const [, name, written = ''] = /^([a-zA-Z][a-zA-Z0-9]*)=([\s\S]*)$/.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('It must be NAME=VALUE, as in outlet=3.')
  return [...(before ?? []), { name, value: parsed(written) }]
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function secretFile(text: string, before: SecretFile[] | undefined): SecretFile[] {
  const [, name, path] = /^([a-zA-Z]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || path === undefined)
    throw new InvalidArgumentError('It must be NAME=FILE, as in token=/root/token.')
  return [...(before ?? []), { name, path }]
}

async function secretsOf(context: Context, options: Options): Promise<Record<string, string> | null> {
  const secrets: Record<string, string> = {}
  if (options.password || options.passwordFile !== undefined)
    secrets.password = await newPassword(context, options.passwordFile)
  // A key is all of its file; a password or token ends at the end of its line.
  for (const { name, path } of options.secret ?? [])
    secrets[name] = (await readFile(path, 'utf8')).replace(/(?<!-)\r?\n$/, '')
  return Object.keys(secrets).length === 0 ? null : secrets
}

function driverText(driver: PowerDriverInfo, now: number): string {
  const { health } = driver
  return facts([
    ['name', driver.name],
    ['kind', driver.kind],
    ['place', driver.position],
    ...Object.entries(driver.settings)
      .filter(([name]) => name !== 'kind')
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const),
    ['secrets kept', driver.secrets.join(', ')],
    ['can', driver.capabilities.join(', ')],
    ['cannot', driver.missing.join(', ')],
    ['health', `${health.score} %${health.circuit === 'closed' ? '' : `, circuit ${health.circuit}`}`],
    ['last answer', health.lastSuccessAt && ago(health.lastSuccessAt, now)],
    ['last failure', health.lastFailure],
  ])
}

/** What waits for a person. */
function askedText(machine: string, { name, asking }: PowerDriverInfo): string {
  if (!asking) return ''
  const how = asking.instructions === '' ? '' : ` (${asking.instructions})`
  return `${name} asks for a person: ${asking.action}${how}; when it is done: reveille driver done ${machine} ${name} on|off\n`
}

/** Secrets that nobody asked to be forgotten. */
function droppedText(before: PowerDriverInfo | undefined, after: PowerDriverInfo): string {
  const dropped = before?.secrets.filter((name) => !after.secrets.includes(name)) ?? []
  if (dropped.length === 0 || after.secrets.length > 0) return ''
  return `its ${dropped.join(' and ')} was forgotten, because it would now be sent elsewhere: give it again with these settings\n`
}

export function driverCommands(program: CliCommand, context: Context): void {
  const driver = group(program, 'driver', 'what switches machines: IPMI, Redfish, SSH, Wake-on-LAN, power strips, APIs')

  leaf(driver, 'list <machine>', 'its drivers in the order in which they are tried', [
    'reveille driver list web1',
  ]).action(async (machine: string, options: Common) => {
    const { items } = await (await context.client()).listPowerDrivers({ params: { machine } })
    show(context, options, items, () =>
      items.length === 0
        ? `nothing is known that could switch ${machine}; add a driver: reveille driver set ${machine} bmc --kind ipmi --address ADDRESS --user USER --password\n`
        : table(
            ['driver', 'kind', 'where', 'health', 'can', 'last failure'],
            items.map((each) => [
              each.name,
              each.kind,
              placeOf(each),
              each.health.circuit === 'closed' ? `${each.health.score} %` : `resting (${each.health.circuit})`,
              each.capabilities.join(' '),
              each.health.lastFailure,
            ]),
            context.terminal.columns,
          ) + items.map((each) => askedText(machine, each)).join(''),
    )
  })

  leaf(driver, 'show <machine> <driver>', 'one driver, with what it can do', ['reveille driver show web1 bmc']).action(
    async (machine: string, name: string, options: Common) => {
      const { items } = await (await context.client()).listPowerDrivers({ params: { machine } })
      const found = items.find((each) => each.name === name)
      if (!found) throw new Unsuccessful(`${machine} has no driver ${name}; see them: reveille driver list ${machine}`)
      show(context, options, found, () => driverText(found, context.clock.now()))
    },
  )

  leaf(
    driver,
    'set <machine> <driver>',
    'add a driver, or change it; a new address, user or fingerprint needs its secrets again',
    [
      'reveille driver set web1 bmc --kind ipmi --address 10.0.0.50 --user admin --password',
      'reveille driver set web1 redfish --kind redfish --url https://10.0.0.50 --user admin --password-file secret.txt',
      'reveille driver set web1 os --kind ssh --user root --secret privateKey=/root/.ssh/id_ed25519',
      'reveille driver set pc01 wake --kind wol',
      'reveille driver set web2 strip --kind snmp --address 10.0.0.60 --set model=apc-rpdu --set outlet=3 --secret community=c.txt',
    ],
  )
    .addOption(choice('--kind <kind>', 'how the machine is reached', DRIVER_KINDS).makeOptionMandatory())
    .option('--address <address>', 'host name or address of the BMC, power strip or system')
    .option('--url <url>', 'address of the API, for redfish and http')
    .option('--port <number>', 'another port than the usual one', wholeNumber(1))
    .option('--user <user>', 'who logs in')
    .option(
      '--set <name=value>',
      'any other setting of the kind, as docs/power.md lists them; may be repeated',
      setting,
    )
    .option('--password', 'ask for the password, or read it from a pipe')
    .option('--password-file <file>', 'a file with the password on its first line')
    .option(
      '--secret <name=file>',
      'another secret, read from a file: privateKey, token, kg, ...; may be repeated',
      secretFile,
    )
    .option('--position <number>', 'place among the drivers, 0 first; the last if not given', wholeNumber(0))
    .action(async (machine: string, name: string, options: Options) => {
      const { kind, address, url, port, user } = options
      const settings: Record<string, unknown> = { kind }
      for (const [key, value] of Object.entries({ address, url, port, user }))
        if (value !== undefined) settings[key] = value
      for (const { name: key, value } of options.set ?? []) settings[key] = value
      const body = {
        settings: settings as DriverBody['settings'],
        secrets: await secretsOf(context, options),
        position: options.position,
      }
      const client = await context.client()
      const before = (await client.listPowerDrivers({ params: { machine } })).items.find((each) => each.name === name)
      const said = await client.putPowerDriver({ params: { machine, driver: name }, body })
      show(context, options, said, () => {
        const next = `try it: reveille driver probe ${machine} ${name}`
        return `${droppedText(before, said)}${machine} is reached through ${name} (${said.kind}); ${next}\n`
      })
    })

  leaf(driver, 'probe <machine> <driver>', 'log in and see what it is; nothing is switched', [
    'reveille driver probe web1 bmc',
  ]).action(async (machine: string, name: string, options: Common) => {
    const said = await (await context.client()).probePowerDriver({ params: { machine, driver: name } })
    show(context, options, said, () => `${said.ok ? 'it works' : 'it does not work'}: ${said.detail}\n`)
    if (!said.ok) throw new Unsuccessful(said.next ?? `driver ${name} of ${machine} does not work`)
  })

  leaf(driver, 'done <machine> <driver>', 'tell a manual driver what you did, and what the state is now', [
    'reveille driver done pc01 hands on',
  ])
    .addArgument(new Argument('<state>', 'the state that you see').choices(['on', 'off']))
    .action(async (machine: string, name: string, state: 'on' | 'off', options: Common) => {
      await (await context.client()).answerManualPower({ params: { machine, driver: name }, body: { state } })
      show(context, options, { machine, state }, () => `${machine} is ${state}, as you say\n`)
    })

  leaf(driver, 'rm <machine> <driver>', 'forget a driver and its secrets', ['reveille driver rm web1 bmc']).action(
    async (machine: string, name: string, options: Common) => {
      await (await context.client()).removePowerDriver({ params: { machine, driver: name } })
      show(context, options, { removed: name }, () => `${machine} has no driver ${name} any more\n`)
    },
  )
}

const USUAL_PORTS: Readonly<Record<string, number>> = { ipmi: 623, ssh: 22, snmp: 161 }

function placeOf({ kind, settings }: PowerDriverInfo): string {
  if ('url' in settings) return settings.url
  if (!('address' in settings)) return ''
  const port = settings.port === USUAL_PORTS[kind] ? '' : ` port ${settings.port}`
  return `${settings.address ?? 'where it was last seen'}${port}`
}
