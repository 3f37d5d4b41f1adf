import { InvalidArgumentError } from 'commander'
import { all, type InputOf } from '../../api/client/client.ts'
import type { Bmc } from '../../api/contract/bmcs.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { Unsuccessful, WrongUse } from '../failure.ts'
import { newPassword } from '../password.ts'
import { facts, table } from '../table.ts'
import { ago } from '../units.ts'

/** `answers`: its address is bound; `fails`: it should be and is not. */
const STATES = ['answers', 'fails', 'off'] as const satisfies readonly NonNullable<
  InputOf<'listBmcs'>['query']
>['state'][]

/** As `COMMAND_CLASSES` of the contract, which would bring all schemas along; a test compares them. */
export const COMMAND_CLASSES = [
  'power.hard',
  'power.soft',
  'bootdev',
  'identify',
  'sensors',
  'console',
  'fru',
  'sel',
  'media',
  'raw',
] as const
type CommandClass = (typeof COMMAND_CLASSES)[number]
export const PRIVILEGES = ['callback', 'user', 'operator', 'administrator'] as const
type Privilege = (typeof PRIVILEGES)[number]
type Suite = 17 | 3

type Route = readonly [CommandClass, string | null]

/** `CLASS=BACKEND`; nothing behind the sign takes the route back. */
function route(text: string, before: Route[] | undefined): Route[] {
  const [, name, target = ''] = /^([a-z.]+)=([a-z0-9-]*)$/.exec(text) ?? []
  const known = COMMAND_CLASSES.find((each) => each === name)
  if (!known)
    throw new InvalidArgumentError(
      `It must be CLASS=BACKEND with one of ${COMMAND_CLASSES.join(', ')}, as in power.soft=os.`,
    )
  return [...(before ?? []), [known, target === '' ? null : target]]
}

function suites(text: string): Suite[] {
  return text.split(',').map((each) => {
    const suite = Number(each.trim())
    if (suite !== 17 && suite !== 3) throw new InvalidArgumentError('It must be 17, 3, or 17,3.')
    return suite
  })
}

function routesOf(routes: readonly Route[] | undefined): Partial<Record<CommandClass, string>> {
  return Object.fromEntries((routes ?? []).filter((each): each is readonly [CommandClass, string] => each[1] !== null))
}

function bmcText(bmc: Bmc, now: number): string {
  const order = bmc.bootOrder
  return facts([
    ['machine', bmc.machineName],
    ['answers at', `${bmc.host} port ${bmc.port}${bmc.listening ? '' : ' (not now)'}`],
    ['problem', bmc.enabled ? bmc.problem : 'it is switched off'],
    ['redfish', bmc.redfish],
    [
      'users',
      bmc.users.map(({ name, privilege, enabled }) => `${name} (${enabled ? privilege : 'disabled'})`).join(', '),
    ],
    ['cipher suites', bmc.cipherSuites.join(', ')],
    ['clients', bmc.clients.join(', ')],
    [
      'routes',
      Object.entries(bmc.routes)
        .map(([name, target]) => `${name}=${target}`)
        .join(' '),
    ],
    ['boot order', order && `${order.device}${order.persistent ? ', always' : ', once'}`],
    ['disc', bmc.media],
    ['sessions', bmc.sessions],
    ['made by rule', bmc.rule],
    ['since', ago(bmc.createdAt, now)],
  ])
}

const once = (host: string, port: number, user: string, password: string) =>
  [
    facts([
      ['address', host],
      ['port', port],
      ['user', user],
      ['password', password],
    ]),
    `The password is shown this once. Try it:\n  ipmitool -I lanplus -C 17 -H ${host} -p ${port} -U ${user} -a power status\n`,
  ].join('')

type AddOptions = Common & {
  user?: string
  privilege?: Privilege
  address?: string
  port?: number
  suites?: Suite[]
  client?: string[]
  route?: Route[]
  askPassword?: boolean
  passwordFile?: string
}

export function bmcCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const bmc = group(program, 'bmc', 'BMCs that are answered here for machines, by IPMI and Redfish')

  leaf(bmc, 'add <machine>', 'answer a BMC for a machine; prints address, user and password, once', [
    'reveille bmc add web1',
    'reveille bmc add web1 --user ironic --route power.soft=os --route console=bmc',
  ])
    .option('--user <login>', 'its first account; admin if not given')
    .addOption(choice('--privilege <level>', 'of that account; administrator if not given', PRIVILEGES))
    .option('--address <address>', 'an address of its own, where it has port 623')
    .option('--port <number>', 'its UDP port; the next free one if not given', wholeNumber(1))
    .option('--suites <list>', 'cipher suites: 17 (SHA-256), 3 (SHA-1)', suites)
    .option('--client <address>', 'an address or subnet that may ask; may be repeated', collect)
    .option('--route <class=backend>', 'where commands of a class go; may be repeated', route)
    .option('--ask-password', 'ask for its password instead of making one')
    .option('--password-file <file>', 'a file with the password on its first line')
    .action(async (machine: string, options: AddOptions) => {
      const { user, privilege, address, port, client, passwordFile } = options
      const given = options.askPassword || passwordFile !== undefined
      const password = given ? await newPassword(context, passwordFile) : undefined
      const cipherSuites = options.suites
      const routes = routesOf(options.route)
      const body = { machine, user, privilege, password, address, port, cipherSuites, clients: client, routes }
      const said = await (await context.client()).createBmc({ body })
      show(context, options, said, () => once(said.bmc.host, said.bmc.port, said.user, said.password))
    })

  const list = leaf(bmc, 'list', 'the BMCs that are answered here', [
    'reveille bmc list',
    'reveille bmc list --state fails',
  ])
    .addOption(choice('--state <state>', 'only those that answer, that should and do not, or that are off', STATES))
    .option('--search <text>', 'part of a machine, address, account or rule')
  list.action(async (options: Common & { state?: (typeof STATES)[number]; search?: string }) => {
    const client = await context.client()
    const found = await all(client.listBmcs, { query: { state: options.state, q: options.search } })
    show(context, options, found, () => {
      if (found.length === 0)
        return options.state === undefined && options.search === undefined
          ? 'No BMC is answered here. Make one: reveille bmc add MACHINE\n'
          : 'No BMC matches.\n'
      return table(
        ['machine', 'address', 'port', 'state', 'users', 'sessions', 'rule'],
        found.map((each) => [
          each.machineName,
          each.host,
          each.port,
          !each.enabled ? 'off' : each.listening ? 'answers' : each.problem,
          each.users.map(({ name }) => name).join(', '),
          each.sessions,
          each.rule,
        ]),
        terminal.columns,
      )
    })
  })

  leaf(bmc, 'show <machine>', 'one of them', ['reveille bmc show web1']).action(
    async (machine: string, options: Common) => {
      const found = await (await context.client()).getBmc({ params: { machine } })
      show(context, options, found, () => bmcText(found, context.clock.now()))
    },
  )

  leaf(bmc, 'set <machine>', 'switch it on or off, move it, change who may ask', [
    'reveille bmc set web1 --off',
    'reveille bmc set web1 --suites 17 --client 10.0.0.0/24',
  ])
    .option('--on', 'answer again')
    .option('--off', 'answer no longer, but keep everything')
    .option('--address <address>', 'an address of its own')
    .option('--shared-address', "a port of the gateway's address, instead of an address of its own")
    .option('--port <number>', 'its UDP port', wholeNumber(1))
    .option('--suites <list>', 'cipher suites: 17 (SHA-256), 3 (SHA-1)', suites)
    .option('--client <address>', 'an address or subnet that may ask; may be repeated', collect)
    .option('--any-client', 'everybody that the settings allow may ask')
    .action(async (machine: string, options: SetOptions) => {
      const body = changeOf(options)
      if (Object.values(body).every((value) => value === undefined)) throw new WrongUse('nothing to change was given')
      const said = await (await context.client()).patchBmc({ params: { machine }, body })
      show(context, options, said, () => bmcText(said, context.clock.now()))
    })

  leaf(bmc, 'rm <machine>', 'answer for this machine no longer', ['reveille bmc rm web1']).action(
    async (machine: string, options: Common) => {
      await (await context.client()).removeBmc({ params: { machine } })
      show(context, options, { removed: machine }, () => `nothing answers as the BMC of ${machine} any more\n`)
    },
  )

  leaf(bmc, 'routes <machine> [class=backend...]', 'where commands go, or change it', [
    'reveille bmc routes web1',
    'reveille bmc routes web1 power.soft=os console=bmc power.hard=cloud',
    'reveille bmc routes web1 power.soft=',
  ]).action(async (machine: string, changes: readonly string[], options: Common) => {
    const client = await context.client()
    const routes = Object.fromEntries(changes.flatMap((text) => routeChange(text)))
    const said =
      changes.length === 0
        ? await client.getBmc({ params: { machine } })
        : await client.patchBmc({ params: { machine }, body: { routes } })
    show(context, options, said.routes, () =>
      table(
        ['class', 'goes to'],
        COMMAND_CLASSES.map((name) => [name, said.routes[name] ?? '(as usual)']),
      ),
    )
  })

  leaf(bmc, 'explain <machine> <command...>', 'where a command would go, and why, without doing it', [
    'reveille bmc explain web1 chassis power soft',
    'reveille bmc explain web1 sol activate',
  ]).action(async (machine: string, words: readonly string[], options: Common) => {
    const query = { command: words.join(' ') }
    const said = await (await context.client()).explainBmc({ params: { machine }, query })
    show(context, options, said, () => `${said.steps.map((step) => `${step}\n`).join('')}`)
    if (!said.works) throw new Unsuccessful(`${said.command} does not work on ${machine} now`)
  })

  accountCommands(bmc, context)
  recordCommands(bmc, context)
}

type SetOptions = Common & {
  on?: boolean
  off?: boolean
  address?: string
  sharedAddress?: boolean
  port?: number
  suites?: Suite[]
  client?: string[]
  anyClient?: boolean
}

function changeOf(options: SetOptions): NonNullable<InputOf<'patchBmc'>['body']> {
  if (options.on && options.off) throw new WrongUse('give --on or --off')
  if (options.address !== undefined && options.sharedAddress) throw new WrongUse('give --address or --shared-address')
  if (options.client && options.anyClient) throw new WrongUse('give --client or --any-client')
  return {
    enabled: options.on ? true : options.off ? false : undefined,
    address: options.sharedAddress ? null : options.address,
    port: options.port,
    cipherSuites: options.suites,
    clients: options.anyClient ? [] : options.client,
  }
}

function routeChange(text: string): Route[] {
  try {
    return route(text, undefined)
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw new WrongUse(`${text}: ${error.message}`)
    throw error
  }
}

type UserOptions = Common & {
  privilege?: Privilege
  enable?: boolean
  disable?: boolean
  newPassword?: boolean
  askPassword?: boolean
  passwordFile?: string
}

function accountCommands(bmc: CliCommand, context: Context): void {
  leaf(bmc, 'user <machine> <login>', 'add or change an account of a BMC', [
    'reveille bmc user web1 monitor --privilege user',
    'reveille bmc user web1 admin --new-password',
    'reveille bmc user web1 monitor --disable',
  ])
    .addOption(choice('--privilege <level>', 'what it may do', PRIVILEGES))
    .option('--enable', 'it may log in')
    .option('--disable', 'it may not log in')
    .option('--new-password', 'make a new random password, and show it once')
    .option('--ask-password', 'ask for a password')
    .option('--password-file <file>', 'a file with the password on its first line')
    .action(async (machine: string, user: string, options: UserOptions) => {
      if (options.enable && options.disable) throw new WrongUse('give --enable or --disable')
      const given = options.askPassword || options.passwordFile !== undefined
      if (given && options.newPassword) throw new WrongUse('give a password, or --new-password')
      const body = {
        privilege: options.privilege,
        enabled: options.enable ? true : options.disable ? false : undefined,
        password: given ? await newPassword(context, options.passwordFile) : undefined,
        newPassword: options.newPassword,
      }
      const said = await (await context.client()).setBmcUser({ params: { machine, user }, body })
      show(context, options, said, () =>
        facts([
          ['user', said.user.name],
          ['privilege', said.user.privilege],
          ['may log in', said.user.enabled ? 'yes' : 'no'],
          ['password', said.password && `${said.password} (shown this once)`],
        ]),
      )
    })

  leaf(bmc, 'user-rm <machine> <login>', 'remove an account of a BMC and end its sessions', [
    'reveille bmc user-rm web1 monitor',
  ]).action(async (machine: string, user: string, options: Common) => {
    await (await context.client()).removeBmcUser({ params: { machine, user } })
    show(context, options, { removed: user }, () => `${user} is no account of the BMC of ${machine} any more\n`)
  })

  const rule = group(bmc, 'rule', 'give every machine with a tag a BMC, by itself')
  leaf(rule, 'set <name>', 'add a rule, or change it; it holds for machines that get the tag later, too', [
    'reveille bmc rule set rack-a --tag ipmi --route power.soft=os',
  ])
    .requiredOption('--tag <tag>', 'machines with this tag')
    .option('--user <login>', 'their first account; admin if not given')
    .option('--route <class=backend>', 'where commands of a class go; may be repeated', route)
    .action(async (name: string, options: Common & { tag: string; user?: string; route?: Route[] }) => {
      const body = { tag: options.tag, user: options.user, routes: routesOf(options.route) }
      const said = await (await context.client()).putBmcRule({ params: { rule: name }, body })
      show(context, options, said, () => {
        const next = `passwords are random; get one: reveille bmc user MACHINE ${said.user} --new-password`
        const many = said.machines === 1 ? 'one machine has' : `${said.machines} machines have`
        return `${many} the tag ${said.tag}, and so a BMC by rule ${name}; ${next}\n`
      })
    })
  leaf(rule, 'list', 'the rules', ['reveille bmc rule list']).action(async (options: Common) => {
    const client = await context.client()
    const found = await all(client.listBmcRules)
    show(context, options, found, () =>
      table(
        ['rule', 'tag', 'user', 'machines', 'routes'],
        found.map((each) => [
          each.name,
          each.tag,
          each.user,
          each.machines,
          Object.entries(each.routes)
            .map(([name, target]) => `${name}=${target}`)
            .join(' '),
        ]),
        context.terminal.columns,
      ),
    )
  })
  leaf(rule, 'rm <rule>', 'remove a rule; the BMCs it made stay', ['reveille bmc rule rm rack-a'])
    .option('--with-bmcs', 'remove the BMCs it made, too')
    .action(async (name: string, options: Common & { withBmcs?: boolean }) => {
      const query = { remove: options.withBmcs ? ('true' as const) : undefined }
      await (await context.client()).removeBmcRule({ params: { rule: name }, query })
      show(context, options, { removed: name }, () => `there is no rule ${name} any more\n`)
    })
}

function recordCommands(bmc: CliCommand, context: Context): void {
  leaf(bmc, 'events <machine>', 'what its SEL shows: what was ordered, and who logged in', [
    'reveille bmc events web1',
  ]).action(async (machine: string, options: Common) => {
    const { items } = await (await context.client()).listBmcEvents({ params: { machine } })
    show(context, options, items, () =>
      table(
        ['id', 'when', 'severity', 'kind', 'event'],
        items.map(({ id, at, severity, kind, text }) => [id, at, severity, kind, text]),
        context.terminal.columns,
      ),
    )
  })

  leaf(bmc, 'sessions <machine>', 'who is logged in to it', ['reveille bmc sessions web1']).action(
    async (machine: string, options: Common) => {
      const { items } = await (await context.client()).listBmcSessions({ params: { machine } })
      show(context, options, items, () =>
        table(
          ['user', 'privilege', 'from', 'suite', 'console', 'since', 'last'],
          items.map((each) => [
            each.user,
            each.privilege,
            each.address,
            each.cipherSuite,
            each.console ? 'open' : '',
            ago(each.since, context.clock.now()),
            ago(each.lastAt, context.clock.now()),
          ]),
          context.terminal.columns,
        ),
      )
    },
  )
}
