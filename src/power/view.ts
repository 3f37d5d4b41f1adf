import type { CircuitState } from './circuit.ts'
import type { ConfiguredDriver } from './configured.ts'
import { CAPABILITIES, type Capability } from './driver.ts'
import { medianOf, scoreOf } from './health.ts'
import type { ManualRequest } from './manual-requests.ts'
import { type DriverKind, DriverSettings } from './settings.ts'
import type { TrackedDriver } from './tracked-driver.ts'

/** A driver as people see it. Times are milliseconds since 1970; secrets are named and never shown. */
export type DriverView = Readonly<{
  name: string
  kind: DriverKind
  position: number
  settings: DriverSettings
  secrets: readonly string[]
  capabilities: readonly Capability[]
  missing: readonly Capability[]
  health: Readonly<{
    score: number
    circuit: CircuitState
    retryAt: number | null
    lastSuccessAt: number | null
    lastFailureAt: number | null
    lastFailure: string | null
    medianMs: number | null
  }>
  builtIn: boolean
  /** What a person is asked to do now; only drivers of kind manual ask. */
  asking?: Asking | undefined
}>

export type Asking = Pick<ManualRequest, 'action' | 'instructions' | 'askedAt' | 'deadlineAt'>

export function viewOf(driver: TrackedDriver, position: number, row: ConfiguredDriver | undefined): DriverView {
  const { name, kind, builtIn, capabilities, circuit, retryAt } = driver
  const { health } = driver
  const { lastSuccessAt, lastFailureAt, lastFailure } = health
  return {
    name,
    kind,
    position,
    settings: row?.settings ?? DriverSettings.parse({ kind }),
    secrets: row?.secretNames ?? [],
    capabilities: CAPABILITIES.filter((each) => capabilities.has(each)),
    missing: CAPABILITIES.filter((each) => !capabilities.has(each)),
    health: {
      score: scoreOf(health) ?? 100,
      circuit,
      retryAt,
      lastSuccessAt,
      lastFailureAt,
      lastFailure,
      medianMs: medianOf(health),
    },
    builtIn,
  }
}
