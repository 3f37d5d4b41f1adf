import { type CliCommand, type Common, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { facts, table } from '../table.ts'
import { ago, bytes } from '../units.ts'

export function agentCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const agent = group(program, 'agent', 'the management OS, which machines boot while they are deployed')

  leaf(agent, 'build', 'build it, if what it is made of has changed; takes a minute or two the first time', [
    'reveille agent build',
  ])
    .option('--force', 'build everything again')
    .action(async (options: Common & { force?: boolean }) => {
      const client = await context.client()
      const built = await client.buildAgent({ body: { force: options.force ?? false } })
      const name = `${built.image}@${built.version}`
      show(context, options, built, () =>
        built.built ? `${name} is built: ${bytes(built.bytes)}\n` : `${name} is what it would be built of now\n`,
      )
    })

  leaf(agent, 'show', 'say which one machines boot, and which machines run it now', ['reveille agent show']).action(
    async (options: Common) => {
      const shown = await (await context.client()).getAgent()
      show(context, options, shown, () => {
        const now = Date.now()
        const about = facts([
          ['image', shown.version === null ? 'not built yet: reveille agent build' : `${shown.image}@${shown.version}`],
          ['size', shown.version === null ? null : bytes(shown.bytes)],
          ['built', shown.builtAt && ago(shown.builtAt, now)],
          ['machines', shown.running.length === 0 ? 'none runs it now' : null],
        ])
        if (shown.running.length === 0) return about
        const rows = shown.running.map(({ machine, since, heardAt, doing }) => [
          machine,
          doing,
          ago(since, now),
          ago(heardAt, now),
        ])
        return `${about}\n${table(['machine', 'doing', 'booted', 'heard'], rows, terminal.columns)}`
      })
    },
  )
}
