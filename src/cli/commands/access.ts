import { all } from '../../api/client/client.ts'
import type { User } from '../../api/contract/access.ts'
import { type CliCommand, type Common, choice, collect, group, leaf, show, wholeNumber } from '../command.ts'
import type { Context } from '../context.ts'
import { WrongUse } from '../failure.ts'
import { newPassword } from '../password.ts'
import { table } from '../table.ts'
import { ago } from '../units.ts'

const ROLES = ['viewer', 'user', 'operator', 'admin'] as const satisfies readonly User['role'][]

export function accessCommands(program: CliCommand, context: Context): void {
  const { terminal, clock } = context
  const user = group(program, 'user', 'people who may log in')

  leaf(user, 'add <name>', 'create a user; the password is asked for, or read from a pipe', [
    'reveille user add kim --role operator',
  ])
    .addOption(choice('--role <role>', 'what they may do', ROLES).default('viewer'))
    .action(async (name: string, options: Common & { role: User['role'] }) => {
      const client = await context.client()
      const made = await client.createUser({ body: { name, role: options.role, password: await newPassword(context) } })
      show(context, options, made, () => `${made.name} may log in as ${made.role}\n`)
    })

  leaf(user, 'list', 'list users', ['reveille user list']).action(async (options: Common) => {
    const users = await all((await context.client()).listUsers)
    show(context, options, users, () =>
      table(
        ['name', 'role', 'state', 'changed'],
        users.map((each) => [
          each.name,
          each.role,
          each.disabled ? 'disabled' : 'active',
          ago(each.updatedAt, clock.now()),
        ]),
        terminal.columns,
      ),
    )
  })

  leaf(user, 'passwd [user]', 'change a password: your own, or (as admin) that of a user', [
    'reveille user passwd',
    'reveille user passwd admin < new-password',
  ]).action(async (name: string | undefined, options: Common) => {
    const client = await context.client()
    const me = await client.me()
    // The control socket is proof enough: whoever may use it need not know the old password.
    if (name !== undefined || me.via === 'socket')
      await client.updateUser({ params: { user: name ?? me.name }, body: { password: await newPassword(context) } })
    else {
      const current = await terminal.secret('Current password: ')
      await client.changePassword({ body: { current, password: await newPassword(context) } })
    }
    show(
      context,
      options,
      { changed: name ?? me.name },
      () => `The password of ${name ?? me.name} is changed; their sessions have ended.\n`,
    )
  })

  leaf(user, 'set <user>', 'change the role of a user, or shut them out', [
    'reveille user set kim --role admin',
    'reveille user set kim --disable',
  ])
    .addOption(choice('--role <role>', 'what they may do', ROLES))
    .option('--disable', 'let them log in no more; their sessions end')
    .option('--enable', 'let them log in again')
    .action(async (name: string, options: Common & { role?: User['role']; disable?: boolean; enable?: boolean }) => {
      if (options.disable && options.enable) throw new WrongUse('--disable and --enable exclude each other')
      if (!options.role && !options.disable && !options.enable)
        throw new WrongUse('user set needs --role, --disable or --enable')
      const disabled = options.disable ? true : options.enable ? false : undefined
      const changed = await (await context.client()).updateUser({
        params: { user: name },
        body: { role: options.role, disabled },
      })
      show(context, options, changed, () => `${changed.name}: ${changed.role}${changed.disabled ? ', disabled' : ''}\n`)
    })

  leaf(user, 'rm <user...>', 'delete users with their tokens and sessions', ['reveille user rm kim']).action(
    async (names: string[], options: Common) => {
      const client = await context.client()
      for (const name of names) {
        await client.deleteUser({ params: { user: name } })
        show(context, options, { removed: name }, () => `${name} is deleted\n`)
      }
    },
  )

  const token = group(program, 'token', 'secrets for programs')

  leaf(token, 'create <name>', 'create a token of your own; its secret is printed this once', [
    'reveille token create ci --scope machines:read --scope traces:read --days 30',
  ])
    .option(
      '--scope <scope>',
      'GROUP:read, GROUP:write or GROUP:*; may be given several times (*:* if not given)',
      collect,
    )
    .option('--days <days>', 'ends after this many days (90 if not given); 0 never ends', wholeNumber(0))
    .action(async (name: string, options: Common & { scope?: string[]; days?: number }) => {
      const days = options.days === 0 ? null : options.days
      const made = await (await context.client()).createToken({ body: { name, scopes: options.scope, days } })
      show(context, options, made, () => {
        terminal.err(
          `Token ${made.id}, ${made.expiresAt ? `ends ${made.expiresAt}` : 'never ends'}. Its secret is not shown again:\n`,
        )
        return `${made.secret}\n`
      })
    })

  leaf(token, 'list', 'list your tokens; admins see all', ['reveille token list']).action(async (options: Common) => {
    const tokens = await all((await context.client()).listTokens)
    const now = clock.now()
    show(context, options, tokens, () =>
      tokens.length === 0
        ? 'No tokens.\n'
        : table(
            ['id', 'name', 'user', 'begins with', 'scopes', 'ends', 'last used'],
            tokens.map((each) => [
              each.id,
              each.name,
              each.user,
              each.hint,
              each.scopes.join(' '),
              each.expiresAt ? ago(each.expiresAt, now) : 'never',
              ago(each.lastUsedAt, now),
            ]),
            terminal.columns,
          ),
    )
  })

  leaf(token, 'revoke <token...>', 'revoke tokens, by id', ['reveille token revoke tok_0123456789abcdef']).action(
    async (ids: string[], options: Common) => {
      const client = await context.client()
      for (const id of ids) {
        await client.revokeToken({ params: { token: id } })
        show(context, options, { revoked: id }, () => `${id} is revoked\n`)
      }
    },
  )

  leaf(program, 'audit', 'who changed what, newest first', [
    'reveille audit --who kim',
    'reveille audit --subject web1 --limit 20',
  ])
    .option('--who <user>', 'only what they did')
    .option('--subject <thing>', 'only what was done to this')
    .option('--limit <count>', 'how many', wholeNumber(1), 50)
    .action(async (options: Common & { who?: string; subject?: string; limit: number }) => {
      const { who, subject, limit } = options
      const { items } = await (await context.client()).listAudit({ query: { who, subject, limit } })
      show(context, options, items, () =>
        table(
          ['when', 'who', 'from', 'action', 'subject', 'outcome', 'detail'],
          items.map((each) => [
            each.at,
            each.who,
            `${each.via} ${each.address}`,
            each.action,
            each.subject,
            each.outcome,
            each.detail,
          ]),
          terminal.columns,
        ),
      )
    })
}
