import type { SessionCounters } from '../../volumes/engine.ts'

/** Buckets: 8 to each power of two, up to about a minute in microseconds. */
const BUCKETS = 8 * 27
const SLICES = 6
const SLICE_MS = 10_000

/** Latencies of the last minute, as six histograms of ten seconds; percentiles are exact to an eighth of a power of two. */
export class Latencies {
  readonly #slices = Array.from({ length: SLICES }, () => new Uint32Array(BUCKETS))
  #current = 0
  #since = 0

  /** Microseconds; `now` in milliseconds of a clock that does not jump. */
  record(microseconds: number, now: number): void {
    if (now - this.#since >= SLICE_MS) this.#turn(now)
    const slice = this.#slices[this.#current]!
    const bucket = bucketOf(microseconds)
    slice[bucket] = slice[bucket]! + 1
  }

  #turn(now: number): void {
    const steps = Math.min(SLICES, Math.floor((now - this.#since) / SLICE_MS))
    for (let i = 0; i < steps; i++) {
      this.#current = (this.#current + 1) % SLICES
      this.#slices[this.#current]!.fill(0)
    }
    this.#since = now
  }

  /** The latency that `share` of the commands did not exceed; 0 when there were none. */
  percentile(share: number, now: number): number {
    if (now - this.#since >= SLICE_MS) this.#turn(now)
    let total = 0
    for (const slice of this.#slices) for (const count of slice) total += count
    let left = Math.ceil(total * share)
    if (total === 0) return 0
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (const slice of this.#slices) left -= slice[bucket]!
      if (left <= 0) return Math.round(topOf(bucket))
    }
    return Math.round(topOf(BUCKETS - 1))
  }
}

function bucketOf(microseconds: number): number {
  if (microseconds < 1) return 0
  return Math.min(BUCKETS - 1, Math.floor(8 * Math.log2(microseconds)))
}

const topOf = (bucket: number) => 2 ** ((bucket + 1) / 8)

/** Counts of one session. */
export class Counters {
  reads = 0
  writes = 0
  bytesRead = 0
  bytesWritten = 0
  readonly readLatencies = new Latencies()
  readonly writeLatencies = new Latencies()

  /** `cache`: bytes of base data found and fetched, as far as the disks tell. */
  snapshot(inFlight: number, cache: Readonly<{ hitBytes: number; missBytes: number }>): SessionCounters {
    const now = performance.now()
    return {
      reads: this.reads,
      writes: this.writes,
      bytesRead: this.bytesRead,
      bytesWritten: this.bytesWritten,
      readP50: this.readLatencies.percentile(0.5, now),
      readP99: this.readLatencies.percentile(0.99, now),
      writeP50: this.writeLatencies.percentile(0.5, now),
      writeP99: this.writeLatencies.percentile(0.99, now),
      inFlight,
      cacheHitBytes: cache.hitBytes,
      cacheMissBytes: cache.missBytes,
    }
  }
}
