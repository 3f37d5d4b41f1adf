import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { ApiDependencies } from './dependencies.ts'
import type { EventStreams } from './events.ts'
import { serveDiskMetrics } from './metrics-disks.ts'
import { powerCounters, servePowerMetrics } from './metrics-power.ts'

/** Who may read `/metrics`: names of machines are not in it, but numbers tell much about a network. Prometheus sends a token. */
const METRICS_DEMAND = { needs: 'viewer', group: 'metrics', method: 'GET' } as const

/** Process, HTTP and boot stages in the text format of Prometheus. */
export function serveMetrics(app: FastifyInstance, api: ApiDependencies, streams: EventStreams): void {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'reveille_' })
  const requests = new Counter({
    name: 'reveille_http_requests_total',
    help: 'Requests answered, by route pattern',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const duration = new Histogram({
    name: 'reveille_http_request_duration_seconds',
    help: 'Time from the request to the end of its answer',
    labelNames: ['method', 'route'],
    buckets: [0.002, 0.01, 0.05, 0.25, 1, 5, 30, 300],
    registers,
  })
  new Gauge({
    name: 'reveille_event_streams',
    help: 'Event streams open now',
    registers,
    collect() {
      this.set(streams.count)
    },
  })
  new Gauge({
    name: 'reveille_machines',
    help: 'Machines by state',
    labelNames: ['state'],
    registers,
    collect() {
      this.reset()
      for (const { state } of api.machines.all()) this.inc({ state })
    },
  })
  serveDiskMetrics(registers, api)
  servePowerMetrics(registers, api)
  new Gauge({
    name: 'reveille_ready',
    help: '1 when the server can do its work',
    registers,
    collect() {
      this.set(api.unready().length === 0 ? 1 : 0)
    },
  })
  app.addHook('onResponse', async (request, reply) => {
    // The pattern, never the path: paths would make endless series, and hold what people typed.
    const labels = { method: request.method, route: request.routeOptions.url ?? 'unknown' }
    requests.inc({ ...labels, status: reply.statusCode })
    duration.observe(labels, reply.elapsedTime / 1000)
  })
  app.get('/metrics', { config: { demand: METRICS_DEMAND } }, async (_request, reply) => {
    const text = (await registry.metrics()) + counterLines({ ...api.counters(), ...powerCounters(api) })
    return reply.type(registry.contentType).header('cache-control', 'no-store').send(text)
  })
}

/** Counters of the stages as exposition lines; what is no metric name or number is left out rather than breaking the rest. */
export function counterLines(counters: Readonly<Record<string, number>>): string {
  const families = new Map<string, string[]>()
  for (const [key, value] of Object.entries(counters)) {
    const match = /^([a-z_][a-z0-9_]*)(\{[^{}\n]*\})?$/.exec(key)
    if (!match?.[1] || !Number.isFinite(value)) continue
    const name = `reveille_${match[1]}`
    families.set(name, [...(families.get(name) ?? []), `${name}${match[2] ?? ''} ${value}\n`])
  }
  let text = ''
  for (const [name, lines] of families)
    text += `# TYPE ${name} ${name.endsWith('_total') ? 'counter' : 'gauge'}\n${lines.join('')}`
  return text
}
