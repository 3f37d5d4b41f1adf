import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveRedfish } from '../../src/gateway/redfish/serve.ts'
import { ManualClock } from '../../src/kit/clock.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Inventory } from '../../src/machines/inventory.ts'
import { type FakeBmc, FakeDirectory } from '../fakes/bmc.ts'

/** The Redfish face on a port of the loopback interface, with these BMCs. */
export async function redfishHost(list: FakeBmc[], inventory?: Inventory) {
  const dataDir = await mkdtemp(join(tmpdir(), 'reveille-redfish-'))
  const directory = new FakeDirectory(list)
  const face = await serveRedfish({
    directory,
    settings: { listen: { host: '127.0.0.1', port: 0 } },
    dataDir,
    clients: [],
    events: 512,
    inventory: async () => inventory,
    clock: new ManualClock(Date.now()),
    log: SILENT,
  })
  return {
    face,
    directory,
    certificate: join(dataDir, 'redfish.pem'),
    async stop() {
      await face.stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

/** Runs a program to its end, without what the environment says of proxies and certificates. */
export function run(program: string, args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: 60_000, env: { PATH: process.env.PATH } }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    )
  })
}
