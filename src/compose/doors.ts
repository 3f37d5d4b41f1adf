import type { Server } from 'node:http'
import { join } from 'node:path'
import type { Access } from '../access/access.ts'
import type { Api, Door } from '../api/server/server.ts'
import { AGENT_PREFIX, type InstallStage } from '../boot/install/serve.ts'
import type { BootServer } from '../boot/loader/target.ts'
import type { Config } from '../config/schema.ts'
import { openForGroup } from '../http/control-group.ts'
import { listen } from '../http/listen.ts'
import { boundedServer } from '../http/server.ts'
import type { Log } from '../kit/log.ts'
import type { Stop } from '../kit/stop.ts'
import { logLook } from './service.ts'

/** Console and API on one address, boot on the same or on its own; the control socket for the server itself. */
export async function openDoors(
  config: Config,
  dataDir: string,
  api: Api,
  machines: MachineDoors,
  onStop: (stop: Stop) => void,
): Promise<void> {
  const { listen: main, adminListen } = config.http
  const control = serverFor(api.control)
  const { controlGroup } = config
  const group = controlGroup === undefined ? undefined : await openForGroup(dataDir, controlGroup)
  onStop(await listen(control, { path: join(dataDir, 'control.sock'), group }, 'dataDir'))
  if (adminListen) onStop(await listen(serverFor(api.network), adminListen, 'http.adminListen'))
  onStop(await listen(serverFor(adminListen ? undefined : api.network, machines), main, 'http.listen'))
}

/** What machines ask: the stages of a boot, and the conversation of the management OS. */
type MachineDoors = Readonly<{ boot: BootServer; install: InstallStage }>

/** What machines ask goes to the stages; the rest goes through the door, or is unknown here when there is none. */
function serverFor(door: Door | undefined, machines?: MachineDoors): Server {
  return boundedServer(
    (request, response) => {
      if (machines && request.url?.startsWith(AGENT_PREFIX)) machines.install.answer(request, response)
      else if (machines && (!door || request.url?.startsWith('/boot/'))) machines.boot(request, response)
      else door?.request(request, response)
    },
    {
      wanted: (request) => (machines?.install.upgradable(request) || door?.upgradable(request)) ?? false,
      take(request, socket, head) {
        if (machines?.install.upgradable(request)) machines.install.upgrade(request, socket, head)
        else door?.upgrade(request, socket, head)
      },
    },
  )
}

/** Where it is to be found, and the first password where nobody has changed it yet. */
export function announce(config: Config, access: Access, log: Log): void {
  const { host, port } = config.http.adminListen ?? config.http.listen
  const url = `http://${host === '0.0.0.0' ? 'localhost' : host}:${port}/`
  log.info({ url, dhcp: config.dhcp.mode, lab: config.lab.enabled }, 'Reveille is ready')
  if (access.firstPassword === undefined) return
  // The journal is kept, and read by more people than may be admin.
  if (logLook() === 'journal') {
    log.info({ file: join(config.dataDir, 'admin-password') }, 'the first password of admin is in a file')
    return
  }
  const lines = [
    `Log in at ${url} as admin with the password ${access.firstPassword.reveal()}`,
    `(shown once, and kept in ${join(config.dataDir, 'admin-password')} until it is changed)`,
  ]
  process.stderr.write(`\n${lines.join('\n')}\n\n`)
}
