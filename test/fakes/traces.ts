import type { Mac } from '../../src/kit/mac.ts'
import type { Subject, TraceEvent, TraceRecorder } from '../../src/traces/trace.ts'

/** Keeps everything it is told, for tests to look at. */
export class RecordedTraces implements TraceRecorder {
  readonly events: (Subject & Omit<TraceEvent, 'at' | 'count' | 'lastAt'>)[] = []
  readonly profiles = new Map<Mac, string | null>()
  readonly #addresses = new Map<string, Mac>()

  record(subject: Subject, event: Omit<TraceEvent, 'at' | 'count' | 'lastAt'>): void {
    this.events.push({ ...subject, ...event })
  }

  learn(mac: Mac, address: string): void {
    this.#addresses.set(address, mac)
  }

  macAt(address: string): Mac | undefined {
    return this.#addresses.get(address)
  }

  decided(mac: Mac, profile: string | null): void {
    this.profiles.set(mac, profile)
  }
}
