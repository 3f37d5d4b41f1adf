import { Argument } from 'commander'
import { type ApiClient, all } from '../../api/client/client.ts'
import { CliCommand, leaf } from '../command.ts'
import { COMPLETION_SCRIPTS, complete, FILES, type LiveNames, matching, SHELLS, type Shell } from '../completion.ts'
import type { Context } from '../context.ts'

/** Nobody waits longer for a suggestion. */
const PATIENCE_MS = 2000

async function liveNames(client: ApiClient, kind: LiveNames, signal: AbortSignal): Promise<string[]> {
  const query = { limit: 1000 }
  switch (kind) {
    case 'machine':
      return (await all(client.listMachines, { query, signal })).map(({ name }) => name)
    case 'profile':
      return (await all(client.listProfiles, { query, signal })).map(({ name }) => name)
    case 'image':
      return (await all(client.listImages, { query, signal })).map(({ name }) => name)
    case 'volume':
      return (await all(client.listVolumes, { query, signal })).map(({ name }) => name)
    case 'tag':
      return (await all(client.listRooms, { query, signal })).map(({ tag }) => tag)
    case 'config':
      return (await all(client.listConfigs, { query, signal })).map(({ name }) => name)
    case 'deployment':
      // Thousands are over and of no interest to somebody who types.
      return (await client.listDeployments({ query: { limit: 100 }, signal })).items.map(({ id }) => id)
    case 'rule':
      return (await all(client.listBmcRules, { query, signal })).map(({ name }) => name)
    case 'maintenance':
      return (await all(client.listMaintenances, { query, signal })).flatMap(({ id, profile, state }) =>
        state === 'open' ? [profile, id] : [id],
      )
    case 'rollout':
      return [
        ...new Set((await all(client.listRollouts, { query, signal })).flatMap(({ id, profile }) => [profile, id])),
      ]
    case 'batch':
      return (await all(client.listBatches, { query, signal })).map(({ id }) => id)
    case 'session':
      return (await all(client.listSessions, { query, signal })).map(({ id }) => id)
    case 'job':
      return (await all(client.listVolumeJobs, { query, signal })).map(({ id }) => id)
    case 'network':
      return (await client.listNetworks({ signal })).items.map(({ name }) => name)
    case 'user':
      return (await all(client.listUsers, { query, signal })).map(({ name }) => name)
    case 'token':
      return (await all(client.listTokens, { query, signal })).map(({ id }) => id)
    case 'lab-machine':
      return (await client.listLabMachines({ signal })).items.map(({ name }) => name)
  }
}

export function completionCommands(program: CliCommand, context: Context): void {
  leaf(program, 'completion', 'print a completion script for your shell', [
    'source <(reveille completion bash)',
    'reveille completion fish | source',
  ])
    .addArgument(new Argument('<shell>', 'your shell').choices([...SHELLS]))
    .action((shell: Shell) => context.terminal.out(COMPLETION_SCRIPTS[shell]))

  const hidden = new CliCommand('__complete').argument('[words...]').action(async (words: string[]) => {
    const { words: known, live, files } = complete(program, words.length === 0 ? [''] : words)
    if (files) return context.terminal.out(`${FILES}\n`)
    const names = live
      ? // Without a server there is nothing to offer; an error message in the middle of typing helps nobody.
        await context
          .client()
          .then((client) => liveNames(client, live, AbortSignal.timeout(PATIENCE_MS)))
          .catch(() => [])
      : []
    const found = matching([...known, ...names], words.at(-1) ?? '')
    context.terminal.out(found.map((word) => `${word}\n`).join(''))
  })
  hidden.isHidden = true
  program.addCommand(hidden, { hidden: true })
}
