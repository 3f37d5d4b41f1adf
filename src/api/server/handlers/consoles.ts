import { countedName } from '../../../kit/counted-names.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'

export function consoleHandlers({ consoles, machines }: ApiDependencies) {
  const find = (reference: string) => machineOf(machines, reference)
  return {
    listConsoles({ query }) {
      const known = consoles
        .list()
        .flatMap((status) => {
          const machine = machines.get(status.machine)
          return machine ? [{ ...status, name: machine.name, key: countedName(machine.name) }] : []
        })
        .filter(({ name, viewers }) => says(query.q, name, ...viewers.map(({ viewer }) => viewer.who)))
        .sort((a, b) => (a.key < b.key ? -1 : 1))
      return pageOf(
        known,
        query,
        ({ key }) => key,
        ({ machine, name, source, state, problem, recordedBytes, lastAt, viewers }) => ({
          machine,
          name,
          source,
          state,
          problem,
          recordedBytes,
          lastAt: timeOrNull(lastAt),
          viewers: viewers.map(({ viewer, since }) => ({ ...viewer, since: time(since) })),
        }),
      )
    },
    async consoleLog({ params, reply }) {
      const record = await consoles.record(find(params.machine))
      // As a download, and never as a page: a machine may print what it likes.
      reply.header('cache-control', 'no-store').header('content-disposition', 'attachment; filename="console.log"')
      await reply.type('application/octet-stream').send(Buffer.from(record))
    },
    async searchConsole({ params, query }) {
      const found = await consoles.search(find(params.machine), query.q, query.limit)
      return { items: found.map(({ at, offset, line }) => ({ at: time(at), offset, line })) }
    },
    async forgetConsole({ params, about }) {
      const machine = find(params.machine)
      about(machine.name)
      await consoles.forget(machine.id)
    },
  } satisfies HandlersOf<'listConsoles' | 'consoleLog' | 'searchConsole' | 'forgetConsole'>
}
