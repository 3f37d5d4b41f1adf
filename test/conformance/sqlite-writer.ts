import { writeSync } from 'node:fs'
import { ipv4 } from '../../src/kit/ip.ts'
import { SILENT } from '../../src/kit/log.ts'
import { openStore } from '../../src/store/store.ts'
import { auditEntry, lease, machine, trace } from './values.ts'

/**
 * Writes for ever into the data directory given, and says so on its standard output after each acknowledged call, one line
 * each: what kind, and the last number. Whoever starts it kills it. Numbers go on from where the one before was killed.
 */
const [dir, from] = process.argv.slice(2)
const store = await openStore(dir!, { log: SILENT })
const say = (kind: string, number: number) => writeSync(1, `${kind} ${number}\n`)

for (let n = Number(from); ; n++) {
  const batch = 1 + (n % 40)
  await store.leases.saveAll(Array.from({ length: batch }, (_, i) => lease({ ip: ipv4(n * 64 + i), startedAt: n })))
  say('leases', n)
  await store.machines.save(machine(n))
  say('machine', n)
  await store.access.appendAudit(auditEntry(n))
  say('audit', n)
  await store.traces.saveAll([trace({ id: `t_${n}`, startedAt: n })])
  say('trace', n)
  if (n % 5 === 0) {
    await store.leases.removeAll([ipv4(n * 64)])
    say('removed', n)
  }
}
