import { setTimeout as delay } from 'node:timers/promises'
import type { ApiClient } from '../../api/client/client.ts'
import { ApiProblem } from '../../api/client/problem.ts'
import { type CliCommand, type Common, group, leaf, show } from '../command.ts'
import type { Context } from '../context.ts'
import { facts, table } from '../table.ts'
import { ago, bytes } from '../units.ts'

/** How often is asked how far a build is. */
const LOOK_MS = 1000

/**
 * Builds it and tells what is being done. A build may take longer than a connection lives, behind a proxy for one: when the answer is lost,
 * the build is waited for and its outcome asked for again.
 */
async function buildAgent(client: ApiClient, force: boolean, told: (text: string) => void) {
  let ended = false
  let last = ''
  const look = async () => {
    const { building } = await client.getAgent()
    if (building && building.doing !== last) told(building.doing)
    last = building?.doing ?? last
    return building !== null
  }
  const watch = async () => {
    for (;;) {
      await delay(LOOK_MS, undefined, { ref: false })
      if (ended) return
      await look().catch(() => undefined)
    }
  }
  void watch()
  try {
    return await client.buildAgent({ body: { force } })
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.code !== 'unreachable') throw error
    // What is not there now would only fail again.
    if (!(await look())) throw error
    told('the connection was lost; the build goes on')
    while (await look()) await delay(LOOK_MS)
    return await client.buildAgent({ body: { force: false } })
  } finally {
    ended = true
  }
}

export function agentCommands(program: CliCommand, context: Context): void {
  const { terminal } = context
  const agent = group(program, 'agent', 'the management OS, which machines boot while they are deployed')

  leaf(agent, 'build', 'build it, if what it is made of has changed; takes a minute or two the first time', [
    'reveille agent build',
  ])
    .option('--force', 'build everything again')
    .action(async (options: Common & { force?: boolean }) => {
      const client = await context.client()
      const built = await buildAgent(client, options.force ?? false, (text) => {
        if (!options.json) terminal.err(`${text}\n`)
      })
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
          [
            'building',
            shown.building && `${shown.building.doing}, for ${ago(shown.building.since, now).replace(/ ago$/, '')}`,
          ],
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
