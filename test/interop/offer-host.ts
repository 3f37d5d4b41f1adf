/**
 * The offer stage alone, as a process of its own in a network namespace, on the real store: for tests with real clients and for
 * bench/dhcp.ts. Takes its settings as JSON, prints `ready`, then one line of JSON for each trace event when `trace` is set;
 * on SIGTERM it prints its counters and ends.
 */
import { z } from 'zod'
import type { OfferParts } from '../../src/boot/offer/serve.ts'
import { serveOffer } from '../../src/boot/offer/serve.ts'
import { parseIpv4, parseSubnet } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import { parseMac } from '../../src/kit/mac.ts'
import type { Machine } from '../../src/machines/machine.ts'
import { Leases } from '../../src/networks/leases.ts'
import { Reservations } from '../../src/networks/reservations.ts'
import { openStore } from '../../src/store/store.ts'

const Input = z.object({
  dataDir: z.string(),
  mode: z.enum(['proxy', 'server']).default('server'),
  interfaces: z.array(z.string()),
  networks: z
    .array(
      z.object({
        name: z.string(),
        subnet: z.string(),
        interface: z.string().nullable().default(null),
        first: z.string().optional(),
        last: z.string().optional(),
        router: z.string().optional(),
        circuitId: z.string().optional(),
        leaseSeconds: z.number().default(3600),
      }),
    )
    .default([]),
  reservations: z.record(z.string(), z.string()).default({}),
  unknownMachines: z.string().default('park'),
  httpPort: z.number().default(8080),
  conflictProbe: z.boolean().default(true),
  trace: z.boolean().default(false),
})
export type OfferHostInput = z.input<typeof Input>

const input = Input.parse(JSON.parse(process.argv[2] ?? '{}'))
const store = await openStore(input.dataDir, { log: SILENT })
const networks = input.networks.map((each): OfferParts['networks'][number] => ({
  name: each.name,
  subnet: parseSubnet(each.subnet)!,
  interface: each.interface,
  ranges: each.first && each.last ? [{ first: parseIpv4(each.first)!, last: parseIpv4(each.last)! }] : [],
  router: each.router ? parseIpv4(each.router)! : null,
  dns: each.router ? [parseIpv4(each.router)!] : [],
  ntp: [],
  domain: 'lab.example',
  leaseSeconds: each.leaseSeconds,
  relay: each.circuitId ? { circuitId: each.circuitId } : null,
}))
const clock = { now: () => Date.now() }
const reservations = new Reservations(
  Object.entries(input.reservations).map(([mac, ip], at) => ({ id: `m_${at}`, macs: [parseMac(mac)!], ip })),
)
const leases = await Leases.open({ repository: store.leases, clock, networks, reservations })
const print = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`)
const service = await serveOffer({
  mode: input.mode,
  interfaces: input.interfaces,
  networks,
  leases,
  machines: {
    byMac: (): Machine | undefined => undefined,
    sight: async (sighting) => input.trace && print({ sighting }),
  },
  traces: {
    record: (subject, event) => void (input.trace && print({ ...subject, ...event })),
    learn: (mac, address) => void (input.trace && print({ mac, learnt: address })),
    macAt: () => undefined,
    decided: () => undefined,
  },
  clock,
  log: SILENT,
  unknownMachines: input.unknownMachines,
  advertise: null,
  httpPort: input.httpPort,
  rateLimit: 1000,
  conflictProbe: input.conflictProbe,
  routerAdvertisement: true,
})
print({ ready: true, status: service.status() })
process.once('SIGTERM', async () => {
  await service.stop()
  await store.close()
  print({ counters: service.counters(), otherServers: service.otherServers() })
  process.exit(0)
})
