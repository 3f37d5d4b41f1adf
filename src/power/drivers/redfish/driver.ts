import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import type { BootOrder } from '../../boot-order.ts'
import type { Fru, HardwareEvent, PowerDriver, RestartNote } from '../../driver.ts'
import { POWER_ACTIONS, type PowerAction, type PowerState } from '../../power.ts'
import type { Sensor } from '../../sensor.ts'
import { bootDifference, bootOrderOf, bootPatches } from './boot.ts'
import { type Bounds, type RedfishClient, Refused } from './client.ts'
import { Discs } from './discs.ts'
import { fruOf } from './facts.ts'
import { type Document, field, linkOf, list, object, text, texts } from './fields.ts'
import { lampDifference, lampPatch } from './lamp.ts'
import { clearLog, readLog } from './log.ts'
import { odditiesOf } from './oddities.ts'
import { findPlaces, type Places, type System } from './places.ts'
import { powerStateOf, resetTypeFor } from './reset.ts'
import { readSensors } from './sensors.ts'
import { pause } from './tasks.ts'

/** Below `DRIVER_DEADLINE_MS`, so that a call ends with its own words. */
const CALL_MS = 55_000
/** How long a machine may take to show what it was told, in ms, and how often it is looked at. */
const SHOWN_MS = 6000
const LOOK_MS = 750
/** How long a machine may take to be off in the middle of a cycle, in ms. */
const OFF_MS = 30_000

export type RedfishParts = Readonly<{
  client: RedfishClient
  system: string | null
  log: Log
  /** Gives the client back. */
  release(): Promise<void>
  /** How long what was set is looked for. */
  shownMs?: number
}>

/** A machine behind a Redfish service (DSP0266). Everything that is set is read back: an answer of 200 proves nothing. */
export class RedfishDriver implements PowerDriver {
  readonly kind = 'redfish'
  readonly actions = POWER_ACTIONS
  readonly #client: RedfishClient
  readonly #parts: RedfishParts
  readonly #discs: Discs
  #places: Places | undefined
  #lampTimer: NodeJS.Timeout | undefined

  constructor(parts: RedfishParts) {
    this.#parts = parts
    this.#client = parts.client
    this.#discs = new Discs(parts.client, parts.shownMs ?? SHOWN_MS)
  }

  state(): Promise<PowerState> {
    return this.#bounded(async (bounds) => powerStateOf(field((await this.#system(bounds)).body, 'PowerState')))
  }

  perform(action: PowerAction, note?: (what: RestartNote) => void): Promise<void> {
    return this.#bounded(async (bounds) => {
      const system = await this.#system(bounds)
      const offered = await this.#resetTypes(system, bounds)
      const type = resetTypeFor(action, offered)
      if (type !== undefined) {
        // In any other restart the machine may stay on for all that is shown.
        if (type === 'PowerCycle') note?.('shows-off')
        return this.#reset(system, { action, type }, bounds)
      }
      const [off, on] = [resetTypeFor('off', offered), resetTypeFor('on', offered)]
      if (action !== 'cycle' || off === undefined || on === undefined)
        throw new Refusal('wrong-state', `this machine cannot ${action}; it offers ${offered.join(', ')}`)
      await this.#reset(system, { action: 'off', type: off }, bounds)
      await this.#untilOff(bounds)
      note?.('was-off')
      await this.#reset(system, { action: 'on', type: on }, bounds)
    })
  }

  bootOrder(): Promise<BootOrder | null> {
    return this.#bounded(async (bounds) => bootOrderOf(field((await this.#system(bounds)).body, 'Boot')))
  }

  setBootOrder(order: BootOrder | null): Promise<void> {
    return this.#bounded(async (bounds) => {
      const system = await this.#system(bounds)
      const boot = object(field(system.body, 'Boot'))
      const settings = linkOf(field(system.body, '@Redfish.Settings', 'SettingsObject'))
      await this.#patchFirst(system, bootPatches(order, boot, odditiesOf(makerOf(system))), settings, bounds)
      await this.#untilShown(
        bounds,
        async () => {
          const shown = bootDifference(order, field((await this.#system(bounds)).body, 'Boot'))
          if (shown === undefined || settings === undefined) return shown
          // Where changes wait for the next start, they are shown there.
          const pending = field((await this.#client.get(settings, bounds)).body, 'Boot')
          return pending !== undefined && bootDifference(order, pending) === undefined ? undefined : shown
        },
        `the boot order ${order === null ? 'none' : `${order.device}${order.persistent ? ', persistent' : ', once'}${order.efi ? ', UEFI' : ', Legacy'}`}`,
      )
    })
  }

  /** Redfish knows no lamp that goes out by itself: it is put out from here, if this server still runs then. */
  identify(seconds: number | null): Promise<void> {
    clearTimeout(this.#lampTimer)
    const lit = seconds !== 0
    return this.#bounded(async (bounds) => {
      const system = await this.#system(bounds)
      const patch = lampPatch(system.body, lit)
      if (!patch) throw new Refusal('wrong-state', 'this machine has no lamp that can be lit')
      await this.#client.patch(system.path, patch, system.etag, bounds)
      const look = async () => lampDifference((await this.#system(bounds)).body, lit)
      await this.#untilShown(bounds, look, `the lamp ${lit ? 'lit' : 'off'}`)
      if (seconds === null || seconds === 0) return
      this.#lampTimer = setTimeout(() => {
        this.identify(0).catch((error: unknown) =>
          this.#parts.log.warn({ error: String(error) }, 'a lamp could not be put out'),
        )
      }, seconds * 1000).unref()
    })
  }

  sensors(): Promise<readonly Sensor[]> {
    return this.#bounded(async (bounds) => readSensors(this.#client, (await this.#found(bounds)).chassis, bounds))
  }

  events(): Promise<readonly HardwareEvent[]> {
    return this.#bounded(async (bounds) => readLog(this.#client, await this.#found(bounds), bounds))
  }

  clearEvents(): Promise<void> {
    return this.#bounded(async (bounds) => clearLog(this.#client, await this.#found(bounds), bounds))
  }

  fru(): Promise<Fru> {
    return this.#bounded(async (bounds) => {
      const { body } = await this.#system(bounds)
      const [path] = (await this.#found(bounds)).chassis
      return fruOf(body, path === undefined ? {} : (await this.#client.get(path, bounds)).body)
    })
  }

  setMedia(url: string | null): Promise<void> {
    return this.#bounded(async (bounds) => {
      const system = await this.#system(bounds)
      const around = { managers: (await this.#found(bounds)).managers, system: system.body }
      await this.#discs.set(url, around, odditiesOf(makerOf(system)), bounds)
    })
  }

  media(): Promise<string | null> {
    return this.#bounded(async (bounds) => {
      const system = await this.#system(bounds)
      return this.#discs.inserted({ managers: (await this.#found(bounds)).managers, system: system.body }, bounds)
    })
  }

  probe(): Promise<string> {
    return this.#bounded(async (bounds) => {
      this.#places = undefined
      const { body } = await this.#system(bounds)
      const { version } = await this.#found(bounds)
      const what = [text(field(body, 'Manufacturer')), text(field(body, 'Model'))]
        .filter((word) => word !== null)
        .join(' ')
      const id = text(field(body, 'Id')) ?? '?'
      const power = text(field(body, 'PowerState')) ?? 'unknown'
      return `Redfish ${version} at ${this.#client.host}: system ${id}${what === '' ? '' : ` (${what})`}, power ${power}`
    })
  }

  async close(): Promise<void> {
    clearTimeout(this.#lampTimer)
    await this.#parts.release()
  }

  async #bounded<Value>(work: (bounds: Bounds) => Promise<Value>): Promise<Value> {
    const ended = new AbortController()
    const timer = setTimeout(() => ended.abort(), CALL_MS)
    try {
      return await work({ signal: ended.signal })
    } catch (error) {
      // What was found may be gone: an update of the BMC can rename it.
      if (error instanceof Refused && error.status === 404) this.#places = undefined
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  async #found(bounds: Bounds): Promise<Places> {
    this.#places ??= await findPlaces(this.#client, this.#parts.system, bounds)
    return this.#places
  }

  async #system(bounds: Bounds): Promise<System> {
    const { system: path } = await this.#found(bounds)
    return { path, ...(await this.#client.get(path, bounds)) }
  }

  async #resetTypes({ body }: System, bounds: Bounds): Promise<readonly string[]> {
    const action = field(body, 'Actions', '#ComputerSystem.Reset')
    const direct = texts(field(action, 'ResetType@Redfish.AllowableValues'))
    const info = linkOf({ '@odata.id': field(action, '@Redfish.ActionInfo') })
    if (direct.length > 0 || info === undefined) return direct
    const { body: document } = await this.#client.get(info, bounds)
    const parameter = list(field(document, 'Parameters'), 50).find((one) => text(field(one, 'Name')) === 'ResetType')
    return texts(field(parameter, 'AllowableValues'))
  }

  async #reset(
    { path, body }: System,
    { action, type }: { action: PowerAction; type: string },
    bounds: Bounds,
  ): Promise<void> {
    const given = linkOf({ '@odata.id': field(body, 'Actions', '#ComputerSystem.Reset', 'target') })
    try {
      await this.#client.post(given ?? `${path}/Actions/ComputerSystem.Reset`, { ResetType: type }, bounds)
    } catch (error) {
      // Some refuse to switch on what is on.
      const answered = error instanceof Refused && (error.status === 400 || error.status === 409)
      if (!answered || (action !== 'on' && action !== 'off')) throw error
      if (powerStateOf(field((await this.#system(bounds)).body, 'PowerState')) !== action) throw error
    }
  }

  async #untilOff(bounds: Bounds): Promise<void> {
    const until = performance.now() + OFF_MS
    while (powerStateOf(field((await this.#system(bounds)).body, 'PowerState')) !== 'off') {
      if (performance.now() > until) throw new Refusal('wrong-state', 'it was switched off, but does not become off')
      await pause(LOOK_MS, bounds)
    }
  }

  /** Tries the bodies while the answer is 400 or says that this cannot be patched, then those of the settings object. */
  async #patchFirst(
    system: System,
    bodies: readonly Document[],
    settings: string | undefined,
    bounds: Bounds,
  ): Promise<void> {
    let refused: Refused | undefined
    for (const path of settings === undefined ? [system.path] : [system.path, settings]) {
      const etag = path === system.path ? system.etag : (await this.#client.get(path, bounds)).etag
      for (const body of bodies) {
        try {
          return await this.#client.patch(path, body, etag, bounds)
        } catch (error) {
          if (!(error instanceof Refused) || ![400, 405, 422, 501].includes(error.status)) throw error
          // The first refusal is of what is usual, and says most.
          refused ??= error
        }
      }
    }
    throw refused
  }

  async #untilShown(bounds: Bounds, difference: () => Promise<string | undefined>, what: string): Promise<void> {
    const until = performance.now() + (this.#parts.shownMs ?? SHOWN_MS)
    for (;;) {
      const shown = await difference()
      if (shown === undefined) return
      if (performance.now() >= until)
        throw new Refusal(
          'wrong-state',
          `${this.#client.host} accepted ${what}, but shows ${shown}: it did not keep it`,
          {
            next: 'look for a newer firmware of the BMC, or use another driver for this',
          },
        )
      await pause(Math.min(LOOK_MS, this.#parts.shownMs ?? LOOK_MS), bounds)
    }
  }
}

const makerOf = ({ body }: System) => text(field(body, 'Manufacturer'))
