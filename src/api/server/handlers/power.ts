import { countedName } from '../../../kit/counted-names.ts'
import { Refusal } from '../../../kit/errors.ts'
import type { PowerReport } from '../../../power/outcome.ts'
import { hasCredentials } from '../../../power/settings.ts'
import type { Asking, DriverView } from '../../../power/view.ts'
import type { PowerDriverInfo, PowerStatus } from '../../contract/power.ts'
import type { HandlersOf } from '../call.ts'
import type { ApiDependencies } from '../dependencies.ts'
import { pageOf } from '../paging.ts'
import { time, timeOrNull } from '../wire.ts'
import { machineOf } from './machines.ts'

function statusToWire({ checkedAt, problems, steps, ...report }: PowerReport): PowerStatus {
  const status = { ...report, checkedAt: time(checkedAt), problems: [...problems] }
  return steps ? { ...status, steps: steps.map(({ at, ...step }) => ({ ...step, at: time(at) })) } : status
}

function driverToWire({ health, capabilities, missing, secrets, asking, ...driver }: DriverView): PowerDriverInfo {
  const { retryAt, lastSuccessAt, lastFailureAt, ...told } = health
  return {
    ...driver,
    secrets: [...secrets],
    capabilities: [...capabilities],
    missing: [...missing],
    health: {
      ...told,
      retryAt: timeOrNull(retryAt),
      lastSuccessAt: timeOrNull(lastSuccessAt),
      lastFailureAt: timeOrNull(lastFailureAt),
    },
    ...(asking ? { asking: askingToWire(asking) } : {}),
  }
}

function askingToWire({ action, instructions, askedAt, deadlineAt }: Asking): PowerDriverInfo['asking'] {
  return { action, instructions, askedAt: time(askedAt), deadlineAt: time(deadlineAt) }
}

function isTried({ health: { lastSuccessAt, lastFailureAt } }: DriverView): boolean {
  return lastSuccessAt !== null || lastFailureAt !== null
}

/** Power, and what the own BMCs of machines tell. */
export function powerHandlers({ machines, powers }: ApiDependencies) {
  const find = (reference: string) => machineOf(machines, reference)
  return {
    listPower({ query }) {
      const listed = machines.all().flatMap((machine) => {
        if (query.tag !== undefined && !machine.tags.includes(query.tag)) return []
        const drivers = powers.drivers(machine)
        return drivers.length === 0 ? [] : [{ machine, drivers }]
      })
      return pageOf(
        listed,
        query,
        ({ machine }) => countedName(machine.name),
        ({ machine: { id, name }, drivers }) => {
          const read = powers.reading(id)
          const by = drivers.find((each) => each.name === read?.driver) ?? drivers[0]
          return {
            machine: id,
            name,
            state: read?.state ?? 'unknown',
            driver: read?.driver ?? null,
            readAt: timeOrNull(read?.readAt ?? null),
            problem: (read?.problems ?? []).map((each) => `${each.driver}: ${each.cause}`).join('; '),
            score: by && isTried(by) ? by.health.score : null,
          }
        },
      )
    },
    async getPower({ params, query: { driver, cached, maxAge } }) {
      const maxAgeMs = maxAge === undefined ? undefined : maxAge * 1000
      const how = { driver, cached: cached === 'true', ...(maxAgeMs === undefined ? {} : { maxAgeMs }) }
      return statusToWire(await powers.status(find(params.machine), how))
    },
    async setPower({ params, query, body: { action, wait }, about }) {
      const machine = find(params.machine)
      about(machine.name, query.driver === undefined ? action : `${action}, driver ${query.driver}`)
      return statusToWire(await powers.perform(machine, action, { ...query, wait }))
    },
    listPowerDrivers: ({ params }) => ({ items: powers.drivers(find(params.machine)).map(driverToWire) }),
    async putPowerDriver({ params, body: { settings, secrets, position }, by, about }) {
      const machine = find(params.machine)
      const names = secrets && Object.keys(secrets).join(', ')
      about(machine.name, `driver ${params.driver}, kind ${settings.kind}, secrets ${names || 'none'} given`)
      return driverToWire(await powers.putDriver(machine, params.driver, { settings, secrets, position }, by.name))
    },
    async removePowerDriver({ params, by, about }) {
      const machine = find(params.machine)
      about(machine.name, `driver ${params.driver}`)
      await powers.removeDriver(machine, params.driver, by.name)
    },
    async probePowerDriver({ params, about }) {
      const machine = find(params.machine)
      about(machine.name, `driver ${params.driver}`)
      // That it cannot be reached is what was asked, and no failure of the asking.
      if (powers.drivers(machine).every(({ name }) => name !== params.driver))
        throw new Refusal('not-found', `${machine.name} has no driver ${params.driver}`)
      try {
        return { ok: true, detail: await powers.probe(machine, params.driver), next: null }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        return { ok: false, detail: error.message, next: error.next ?? null }
      }
    },
    async getBootOrder({ params, query }) {
      const { driver, value } = await powers.bootOrder(find(params.machine), query)
      return { order: value, driver }
    },
    async setBootOrder({ params, query, body: { order }, about }) {
      const machine = find(params.machine)
      about(machine.name, order ? `${order.device}${order.persistent ? ', always' : ', once'}` : 'none')
      const report = await powers.setBootOrder(machine, order, query)
      return { ...report, problems: [...report.problems] }
    },
    async identifyMachine({ params, query, body: { seconds }, about }) {
      const machine = find(params.machine)
      about(machine.name, seconds === null ? 'on' : `${seconds} s`)
      await powers.identify(machine, seconds, query)
    },
    async readSensors({ params, query }) {
      const { driver, value } = await powers.sensors(find(params.machine), query)
      return { driver, items: [...value] }
    },
    async readHardwareEvents({ params, query }) {
      const { driver, value } = await powers.hardwareEvents(find(params.machine), query)
      return { driver, items: value.map(({ at, ...event }) => ({ ...event, at: timeOrNull(at) })) }
    },
    async clearHardwareEvents({ params, query, about }) {
      const machine = find(params.machine)
      about(machine.name)
      await powers.clearHardwareEvents(machine, query)
    },
    async readFru({ params, query }) {
      const { driver, value } = await powers.fru(find(params.machine), query)
      return { ...value, driver }
    },
    async getMedia({ params, query }) {
      const { driver, value } = await powers.media(find(params.machine), query)
      return { url: value, driver }
    },
    async setMedia({ params, query, body: { media }, about }) {
      const machine = find(params.machine)
      if (media === null || !hasCredentials(media)) about(machine.name, media ?? 'taken out')
      const { driver, value } = await powers.setMedia(machine, media, query)
      return { url: value, driver }
    },
    answerManualPower({ params, body: { state }, about }) {
      const machine = find(params.machine)
      about(machine.name, `driver ${params.driver}: it is ${state}`)
      powers.answerManual(machine, params.driver, state)
    },
  } satisfies HandlersOf<
    | 'listPower'
    | 'getPower'
    | 'setPower'
    | 'listPowerDrivers'
    | 'putPowerDriver'
    | 'removePowerDriver'
    | 'probePowerDriver'
    | 'getBootOrder'
    | 'setBootOrder'
    | 'identifyMachine'
    | 'readSensors'
    | 'readHardwareEvents'
    | 'clearHardwareEvents'
    | 'readFru'
    | 'getMedia'
    | 'setMedia'
    | 'answerManualPower'
  >
}
