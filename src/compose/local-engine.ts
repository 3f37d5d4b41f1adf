import { DiskServer } from '../boot/disk/disk-server.ts'
import { openPortal, type Portal } from '../boot/disk/serve.ts'
import { Refusal } from '../kit/errors.ts'
import type { Log } from '../kit/log.ts'
import type { LoginReport, Target, TargetEngine } from '../volumes/engine.ts'
import type { VolumePool } from '../volumes/pool.ts'

type Options = Readonly<{
  pool: VolumePool
  listen: Readonly<{ host: string; port: number }>
  report: (report: LoginReport) => void
  log: Log
}>

/** The built-in target within this process, for pools that only one process may have. */
export async function localEngine({ pool, listen, report, log }: Options): Promise<TargetEngine> {
  const targets = new Map<string, Target>()
  const server = new DiskServer({
    openLun: ({ volume, readOnly, snapshot }) => pool.open(volume, { readOnly, snapshot }),
    report,
    log,
  })
  let portal: Portal
  try {
    portal = await openPortal({
      ...listen,
      targets,
      report,
      hand: (socket, first, { iqn }, address) => server.serve(socket, first.received, { iqn, address }),
    })
  } catch (error) {
    throw new Refusal(
      'not-available',
      `iSCSI cannot listen on ${listen.host}:${listen.port}: ${(error as Error).message}`,
      {
        next: 'free that port, or set iscsi.listen to another one',
      },
    )
  }
  const { host, port } = portal
  return {
    name: 'builtin',
    portal: { host, port },
    async apply(target) {
      targets.set(target.iqn, target)
      await server.apply(target)
    },
    async withdraw(iqn) {
      targets.delete(iqn)
      await server.withdraw(iqn)
    },
    sessions: async () => server.sessions(),
    kick: (session) => server.kick(session),
    async stop() {
      await portal.close()
      await server.stop()
    },
  }
}
