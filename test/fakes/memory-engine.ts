import { Refusal } from '../../src/kit/errors.ts'
import type { LoginReport, Session, SessionCounters, Target, TargetEngine } from '../../src/volumes/engine.ts'
import type { VolumePool } from '../../src/volumes/pool.ts'

export const COUNTERS: SessionCounters = {
  reads: 0,
  writes: 0,
  bytesRead: 0,
  bytesWritten: 0,
  readP50: 0,
  readP99: 0,
  writeP50: 0,
  writeP99: 0,
  inFlight: 0,
  cacheHitBytes: 0,
  cacheMissBytes: 0,
}

/** Targets that tests log in to by a call; volumes are open while somebody is logged in. */
export class MemoryEngine implements TargetEngine {
  readonly name = 'builtin'
  readonly portal = { host: '0.0.0.0', port: 3260 }
  readonly targets = new Map<string, Target>()
  readonly #pool: VolumePool
  readonly #sessions = new Map<string, { session: Session; close: () => Promise<void> }>()
  #last = 0
  /** The next `apply` throws this. */
  failing: Error | undefined
  reports: (report: LoginReport) => void = () => undefined

  constructor(pool: VolumePool) {
    this.#pool = pool
  }

  async apply(target: Target) {
    const { failing } = this
    this.failing = undefined
    if (failing) throw failing
    this.targets.set(target.iqn, target)
  }

  async withdraw(iqn: string) {
    for (const { session } of [...this.#sessions.values()]) if (session.target === iqn) await this.kick(session.id)
    this.targets.delete(iqn)
  }

  sessions = async () => [...this.#sessions.values()].map(({ session }) => session)

  async kick(id: string) {
    const found = this.#sessions.get(id)
    this.#sessions.delete(id)
    await found?.close()
  }

  stop = async () => undefined

  /** As an initiator that logs in to a target; refused as the real ones do. */
  async login(iqn: string, initiator: string, address = '10.0.0.7'): Promise<string> {
    const target = this.targets.get(iqn)
    const report = { target: iqn, initiator, address, detail: '' }
    if (!target || (target.initiators && !target.initiators.includes(initiator))) {
      this.reports({ ...report, outcome: 'refused', detail: 'nobody knows this initiator' })
      throw new Refusal('forbidden', `${initiator} may not log in to ${iqn}`)
    }
    const devices = await Promise.all(
      target.luns.map(({ volume, readOnly, snapshot }) => this.#pool.open(volume, { readOnly, snapshot })),
    )
    const id = `s${++this.#last}`
    const session = { id, target: iqn, initiator, address, since: 1_800_000_000_000, counters: { ...COUNTERS } }
    const close = async () => {
      for (const device of devices) await device.close()
    }
    this.#sessions.set(id, { session, close })
    this.reports({ ...report, outcome: 'accepted' })
    return id
  }

  /** As an initiator that did something. */
  count(id: string, counters: Partial<SessionCounters>): void {
    const found = this.#sessions.get(id)
    if (found) found.session = { ...found.session, counters: { ...COUNTERS, ...counters } }
  }
}
