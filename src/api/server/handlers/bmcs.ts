import type { Bmc, BmcRule, BmcUser } from '../../../gateway/bmc.ts'
import { countedName } from '../../../kit/counted-names.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { QueryOf, ResponseOf } from '../../contract/route.ts'
import type { Contract } from '../../contract.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf, says } from '../paging.ts'
import { time } from '../wire.ts'
import { machineOf } from './machines.ts'

type Query = QueryOf<Contract['listBmcs']>
type WireBmc = ResponseOf<Contract['getBmc']>

export function bmcHandlers({ bmcs, machines }: Pick<ApiDependencies, 'bmcs' | 'machines'>) {
  const { gateway } = bmcs
  const find = (reference: string) => machineOf(machines, reference)
  const known = (reference: string) => {
    const machine = find(reference)
    const bmc = gateway.get(machine.id)
    if (!bmc)
      throw new Refusal('not-found', `${machine.name} has no BMC here`, {
        next: `make one: reveille bmc add ${machine.name}`,
      })
    return { machine, bmc }
  }
  const toWire = (bmc: Bmc, machineName: string): WireBmc => {
    const { machine, enabled, address, port, guid, rule, media, bootOrder } = bmc
    const { listening, problem } = bmcs.statusOf(machine)
    return {
      machine,
      machineName,
      enabled,
      listening: enabled && listening,
      problem: enabled ? problem : '',
      address,
      port,
      host: bmcs.hostOf(address),
      redfish: enabled ? bmcs.redfishOf(machine) : null,
      guid,
      users: bmc.users.map(userToWire),
      cipherSuites: [...bmc.cipherSuites],
      clients: [...bmc.clients],
      routes: bmc.routes,
      bootOrder,
      media,
      sessions: bmcs.sessions().filter((session) => session.machine === machine).length,
      rule,
      createdAt: time(bmc.createdAt),
    }
  }
  const isWanted = (bmc: Bmc, machineName: string, { state, q }: Query): boolean => {
    if (state !== undefined) {
      const now = !bmc.enabled ? 'off' : bmcs.statusOf(bmc.machine).listening ? 'answers' : 'fails'
      if (now !== state) return false
    }
    const { address, port, rule, users } = bmc
    const place = `${bmcs.hostOf(address)}:${port}`
    return says(q, machineName, place, rule, ...users.map(({ name }) => name))
  }
  const ruleToWire = (rule: BmcRule): ResponseOf<Contract['putBmcRule']> => ({
    ...rule,
    createdAt: time(rule.createdAt),
    machines: gateway.madeBy(rule.name),
  })

  return {
    listBmcs({ query }) {
      return pageOf(
        gateway.list().filter(({ bmc, machine }) => isWanted(bmc, machine.name, query)),
        query,
        ({ machine }) => countedName(machine.name),
        ({ bmc, machine }) => toWire(bmc, machine.name),
      )
    },
    async createBmc({ body, about }) {
      const { machine: reference, ...wanted } = body
      const machine = find(reference)
      about(machine.name, `user ${body.user}`)
      const { bmc, user, password } = await gateway.create(machine.id, wanted)
      await bmcs.follow()
      return { bmc: toWire(bmc, machine.name), user, password: password.reveal() }
    },
    getBmc({ params }) {
      const { bmc, machine } = known(params.machine)
      return toWire(bmc, machine.name)
    },
    async patchBmc({ params, body, about }) {
      const { machine } = known(params.machine)
      about(machine.name, `changes ${Object.keys(body).join(', ')}`)
      const bmc = await gateway.update(machine.id, body)
      await bmcs.follow()
      if (!bmc.enabled) bmcs.endSessions(machine.id)
      return toWire(bmc, machine.name)
    },
    async removeBmc({ params, about }) {
      const { machine } = known(params.machine)
      about(machine.name)
      await gateway.remove(machine.id)
      bmcs.endSessions(machine.id)
    },
    async setBmcUser({ params, body, about }) {
      const { machine } = known(params.machine)
      about(machine.name, `user ${params.user}: ${Object.keys(body).join(', ')}`)
      const { user, password } = await gateway.setUser(machine.id, params.user, body)
      // Whoever had the old password or more rights is out.
      bmcs.endSessions(machine.id, user.name)
      return { user: userToWire(user), password: password?.reveal() ?? null }
    },
    async removeBmcUser({ params, about }) {
      const { machine } = known(params.machine)
      about(machine.name, `user ${params.user}`)
      await gateway.removeUser(machine.id, params.user)
      bmcs.endSessions(machine.id, params.user)
    },
    explainBmc({ params, query }) {
      const { machine } = known(params.machine)
      const { steps, ...told } = gateway.explain(machine.id, query.command)
      return { ...told, steps: [...steps] }
    },
    async listBmcEvents({ params }) {
      const { machine } = known(params.machine)
      const events = await gateway.eventsOf(machine.id)
      return { items: events.map(({ id, at, kind, severity, text }) => ({ id, at: time(at), kind, severity, text })) }
    },
    listBmcSessions({ params }) {
      const { machine } = known(params.machine)
      const mine = bmcs.sessions().filter((session) => session.machine === machine.id)
      return {
        items: mine.map(({ machine: _, since, lastAt, ...session }) => ({
          ...session,
          since: time(since),
          lastAt: time(lastAt),
        })),
      }
    },
    listBmcRules({ query }) {
      return pageOf(gateway.rules(), query, ({ name }) => name, ruleToWire)
    },
    async putBmcRule({ params, body, about }) {
      about(params.rule, `tag ${body.tag}`)
      return ruleToWire(await gateway.putRule({ name: params.rule, ...body }))
    },
    async removeBmcRule({ params, query, about }) {
      about(params.rule, query.remove === 'true' ? 'with its BMCs' : 'its BMCs stay')
      await gateway.removeRule(params.rule, query.remove === 'true')
    },
  } satisfies HandlersOf<
    | 'listBmcs'
    | 'createBmc'
    | 'getBmc'
    | 'patchBmc'
    | 'removeBmc'
    | 'setBmcUser'
    | 'removeBmcUser'
    | 'explainBmc'
    | 'listBmcEvents'
    | 'listBmcSessions'
    | 'listBmcRules'
    | 'putBmcRule'
    | 'removeBmcRule'
  >
}

function userToWire({ slot, name, privilege, enabled }: BmcUser) {
  return { slot, name, privilege, enabled }
}
