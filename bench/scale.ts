import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseIpv4 } from '../src/kit/ip.ts'
import { LeaseFile } from '../src/store/lease-file.ts'
import { MeasuredServer } from './scale-server.ts'
import { leasesOf, macOf, nameOf, ROOM, SHA256_OF_ZEROS, siteOf } from './scale-site.ts'

/**
 * The whole server with a big site: what things cost, and how long others wait for them. Processor time and the longest time that the
 * event loop was busy in one go are the figures to look at where others use the computer, too; the times on the clock are then larger.
 * `node bench/scale.ts [MACHINES ...]`; no root. With `SCALE_PROFILE=NAME` a profile of that line is left in /tmp.
 */
const sizes = process.argv.slice(2).map(Number)
const PORT = 18_981
/** Machines with a BMC, a driver and a disk of their own. */
const SPECIAL = 1000
const CONSOLES = 50

const power = createServer((asked, answer) => answer.end(asked.url === '/state' ? 'on' : 'done'))
power.listen(0, '127.0.0.1')
await once(power, 'listening')
const powerUrl = `http://127.0.0.1:${(power.address() as AddressInfo).port}`

for (const count of sizes.length > 0 ? sizes : [3000, 10_000]) await measureSite(count)
power.close()

async function measureSite(count: number): Promise<void> {
  console.log(`\n${count} machines\n`)
  console.log('| what | s | server CPU s | busy at most ms | still at most ms | MiB | |\n|---|---|---|---|---|---|---|')
  const server = new MeasuredServer(PORT)
  const { client } = server

  const measure = async (name: string, work: () => Promise<unknown>) => {
    await server.take()
    const begun = performance.now()
    const profile = process.env.SCALE_PROFILE === name ? `/tmp/scale-${process.pid}.cpuprofile` : undefined
    const told = await (profile ? server.profiled(profile, work) : work())
    const seconds = (performance.now() - begun) / 1000
    const { cpuMs, busiestMs, longestMs, residentMiB } = await server.take()
    const figures = [seconds.toFixed(2), (cpuMs / 1000).toFixed(2), busiestMs, longestMs, residentMiB]
    const cells = figures.map((each) => (typeof each === 'number' ? Math.round(each) : each))
    console.log(`| ${name} | ${cells.join(' | ')} | ${typeof told === 'string' ? told : ''} |`)
  }
  const scripts = (number: number) => inTurns(number, 32, (n) => server.script(macOf(n % count)))
  const batch = async (action: 'on' | 'boot-once', number: number) => {
    const machines = Array.from({ length: number }, (_, n) => nameOf(n))
    const body = { action, machines, profile: action === 'on' ? null : 'linux' }
    const { id } = await client.startBatch({ body })
    for (;;) {
      const { state, failed } = await client.getBatch({ params: { batch: id } })
      if (state !== 'running') return `${failed} failed`
      await delay(200)
    }
  }

  try {
    await server.start()
    const idle = Math.round((await server.take()).residentMiB)
    await client.createImage({ body: { name: 'linux', kind: 'bundle' } })
    await client.putUpload({ params: { sha256: SHA256_OF_ZEROS }, body: { content: new Uint8Array(4096) } })
    const files = (['kernel', 'initrd'] as const).map((role) => ({ role, name: role, sha256: SHA256_OF_ZEROS }))
    await client.createVersion({ params: { image: 'linux' }, body: { files, cmdline: 'quiet' } })
    writeFileSync(server.file('disk'), randomBytes(4 << 20))
    await server.command('image', 'push', 'os', server.file('disk'), '--kind', 'disk')

    const body = siteOf(count, Math.min(SPECIAL, count), powerUrl)
    const apply = async (dryRun: boolean) => {
      const { changes } = await client.apply({ query: { dryRun: dryRun ? 'true' : 'false', name: 'site' }, body })
      return `${changes.filter(({ change }) => change !== 'none').length} things change; idle it had ${idle} MiB`
    }
    await measure('apply of the site, dry', () => apply(true))
    await measure('apply of the site', () => apply(false))
    await measure('apply, nothing changes', () => apply(false))
    await measure('every machine asks for its script', () => scripts(count))

    const lists = {
      'machines, a page of 1000': 'machines?limit=1000',
      'machines, a search that finds none': 'machines?limit=100&q=nothing-like-it',
      'volumes, a page of 1000': 'volumes?limit=1000',
      'BMCs, a page of 1000': 'bmcs?limit=1000',
      status: 'status',
    }
    for (const [name, path] of Object.entries(lists)) await measure(name, () => server.get(`/api/v1/${path}`))
    await measure('/metrics', () => server.get('/metrics'))
    for (const words of [['machine', 'list'], ['why', nameOf(7)], ['status']])
      await measure(`reveille ${words.join(' ')}`, () => server.command(...words))
    await measure('reveille export', () => server.command('export', server.file('site')))
    await measure('reveille apply of that, dry', () => server.command('apply', '-f', server.file('site'), '--dry-run'))
    await measure(`room of ${ROOM} switched on`, () => batch('on', ROOM))
    await measure('3000 machines are told what to boot next', () => batch('boot-once', Math.min(3000, count)))
    await measure(`${ROOM} deployments at once`, () =>
      inTurns(ROOM, 32, (n) =>
        client.createDeployment({ params: { machine: nameOf(n) }, body: { action: { kind: 'inventory' } } }),
      ),
    )
    await measure(`3000 scripts, followed by ${CONSOLES} consoles`, async () => {
      const open = await Promise.all(Array.from({ length: CONSOLES }, () => server.follow()))
      await scripts(3000)
      await delay(1000)
      return `${Math.round(open.reduce((sum, { close }) => sum + close(), 0) / CONSOLES / 1024)} KiB each`
    })
    await measure('reveille backup', () => server.command('backup', server.file('backup')))
    await measure('nothing, 10 s', async () => {
      await delay(10_000)
      return server.sizes()
    })

    await server.kill()
    const leases = LeaseFile.open(join(server.dataDir, 'leases.db'))
    leases.save(leasesOf(count, Date.now(), (text) => parseIpv4(text)!))
    leases.close()
    const begun = performance.now()
    await server.start()
    const { cpuMs, busiestMs, longestMs, residentMiB } = await server.take()
    const times = [(performance.now() - begun) / 1000, cpuMs / 1000].map((each) => each.toFixed(2))
    const rest = [busiestMs, longestMs, residentMiB].map(Math.round)
    console.log(`| start after kill -9 | ${[...times, ...rest].join(' | ')} | with ${count} leases |`)
    await measure('leases, a page of 1000', () => server.get('/api/v1/leases?limit=1000'))
    await measure('what pruning all would do', async () => {
      const query = { name: 'site', prune: 'true', dryRun: 'true' } as const
      const { changes } = await client.apply({ query, body: { machines: [] } })
      return `${changes.length} things go`
    })
  } finally {
    await server.remove()
  }
}

/** Does something a number of times, some at a time. */
async function inTurns(number: number, atOnce: number, work: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < number) await work(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
