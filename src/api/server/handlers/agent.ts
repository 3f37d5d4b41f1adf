import { Refusal } from '../../../kit/errors.ts'
import { MANAGEMENT_OS } from '../../../management/management.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { time } from '../wire.ts'

export function agentHandlers({ management, runningAgents }: ApiDependencies) {
  return {
    buildAgent({ body, about }) {
      if (!management) throw new Refusal('not-available', 'this server builds no management OS')
      about(MANAGEMENT_OS)
      return management.build(body)
    },
    getAgent() {
      const version = management?.newest()?.version
      const running = runningAgents?.() ?? []
      const building = management?.building() ?? null
      return {
        image: MANAGEMENT_OS,
        version: version?.number ?? null,
        bytes: version?.files.reduce((sum, { bytes }) => sum + bytes, 0) ?? 0,
        builtAt: version ? time(version.createdAt) : null,
        building: building && { doing: building.doing, since: time(building.since) },
        running: running.map(({ machine, since, heardAt, doing }) => ({
          machine,
          since: time(since),
          heardAt: time(heardAt),
          doing,
        })),
      }
    },
  } satisfies HandlersOf<'buildAgent' | 'getAgent'>
}
