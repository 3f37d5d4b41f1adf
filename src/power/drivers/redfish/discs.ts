import { Refusal } from '../../../kit/errors.ts'
import { type Bounds, type RedfishClient, Refused } from './client.ts'
import { type Document, field, linkOf, links } from './fields.ts'
import { actionOf, insertBodies, insertedIn, patchBodies, takesDiscs } from './media.ts'
import type { Oddities } from './oddities.ts'
import { pause } from './tasks.ts'

type Drive = Readonly<{ path: string; body: Document; etag: string | undefined }>
type Where = Readonly<{ managers: readonly string[]; system: Document }>

const LOOK_MS = 750

/** The virtual drive of a machine. */
export class Discs {
  readonly #client: RedfishClient
  readonly #shownMs: number

  constructor(client: RedfishClient, shownMs: number) {
    this.#client = client
    this.#shownMs = shownMs
  }

  async inserted(where: Where, bounds: Bounds): Promise<string | null> {
    return insertedIn((await this.#drive(where, bounds)).body)
  }

  /** Takes out what is in, puts in what is wanted, and looks whether it is so. */
  async set(url: string | null, where: Where, oddities: Oddities, bounds: Bounds): Promise<void> {
    const drive = await this.#drive(where, bounds)
    const now = insertedIn(drive.body)
    if (now === url) return
    if (now !== null) await this.#eject(drive, bounds)
    if (url !== null) await this.#insert(url, await this.#read(drive.path, bounds), oddities, bounds)
    const until = performance.now() + this.#shownMs
    for (;;) {
      const shown = insertedIn((await this.#read(drive.path, bounds)).body)
      // Some show a name of the image instead of its address.
      if (url === null ? shown === null : shown !== null) return
      if (performance.now() >= until)
        throw new Refusal(
          'wrong-state',
          `${this.#client.host} accepted it, but its virtual drive ${shown === null ? 'is empty' : `still has ${shown}`}`,
          {
            next:
              url === null
                ? 'take it out in the BMC itself'
                : `make sure that the BMC can reach ${new URL(url).origin}`,
          },
        )
      await pause(Math.min(LOOK_MS, this.#shownMs), bounds)
    }
  }

  async #insert(url: string, drive: Drive, oddities: Oddities, bounds: Bounds): Promise<void> {
    const action = actionOf(drive.body, 'InsertMedia')
    const bodies = action === undefined ? patchBodies(url) : insertBodies(url, oddities)
    await firstOf(bodies, (body) =>
      action === undefined
        ? this.#client.patch(drive.path, body, drive.etag, bounds)
        : this.#client.post(action, body, bounds),
    )
  }

  async #eject(drive: Drive, bounds: Bounds): Promise<void> {
    const action = actionOf(drive.body, 'EjectMedia')
    if (action === undefined)
      return firstOf(patchBodies(null), (body) => this.#client.patch(drive.path, body, drive.etag, bounds))
    try {
      await this.#client.post(action, {}, bounds)
    } catch (error) {
      if (!(error instanceof Refused) || (error.status !== 400 && error.status !== 415)) throw error
      await this.#client.post(action, undefined, bounds)
    }
  }

  /** The first drive that takes discs, of the manager or, as newer services have it, of the system. */
  async #drive({ managers, system }: Where, bounds: Bounds): Promise<Drive> {
    const own = linkOf(field(system, 'VirtualMedia'))
    const places = own === undefined ? [] : [own]
    for (const manager of managers) {
      const place = linkOf(field((await this.#client.get(manager, bounds)).body, 'VirtualMedia'))
      if (place !== undefined) places.push(place)
    }
    for (const place of places) {
      const { body } = await this.#client.get(place, bounds)
      for (const path of links(field(body, 'Members'), 16)) {
        const drive = await this.#read(path, bounds)
        if (takesDiscs(drive.body)) return drive
      }
    }
    throw new Refusal('wrong-state', 'this machine has no virtual drive for discs')
  }

  async #read(path: string, bounds: Bounds): Promise<Drive> {
    return { path, ...(await this.#client.get(path, bounds)) }
  }
}

/** Tries the bodies as long as they are what is refused; fails with the first refusal. */
async function firstOf(bodies: readonly Document[], send: (body: Document) => Promise<void>): Promise<void> {
  let refused: Refused | undefined
  for (const body of bodies) {
    try {
      return await send(body)
    } catch (error) {
      if (!(error instanceof Refused) || (error.status !== 400 && error.status !== 422)) throw error
      refused ??= error
    }
  }
  throw refused
}
