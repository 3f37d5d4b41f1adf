import { once } from 'node:events'
import { chmod, chown, rm } from 'node:fs/promises'
import type { Server } from 'node:http'
import { connect } from 'node:net'
import { Refusal } from '../kit/errors.ts'
import type { Stop } from '../kit/stop.ts'

/** How long open requests may still run after a stop was asked for, in ms. */
const GRACE_MS = 3000

/** `group`: its number; members may open the socket too. */
export type Place = Readonly<{ host: string; port: number }> | Readonly<{ path: string; group?: number | undefined }>

/** Starts listening; refuses with the setting to change when the place is taken or not ours. */
export async function listen(server: Server, place: Place, setting: string): Promise<Stop> {
  const where = 'path' in place ? place.path : `${place.host}:${place.port}`
  if ('path' in place) await removeStale(place.path)
  const failed = once(server, 'error').then(([error]) => Promise.reject(error as Error))
  const listening = once(server, 'listening')
  server.listen(place)
  try {
    await Promise.race([listening, failed])
  } catch (error) {
    throw refusal(error as NodeJS.ErrnoException, where, setting)
  }
  if ('path' in place) await allow(place.path, place.group)
  return async () => {
    const closed = once(server, 'close')
    server.close()
    server.closeIdleConnections()
    const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS)
    await closed
    clearTimeout(timer)
  }
}

/** Whoever may open this socket is admin: its owner, and a group if that was said. */
async function allow(path: string, group: number | undefined): Promise<void> {
  await chmod(path, 0o600)
  if (group === undefined) return
  await chown(path, process.geteuid!(), group)
  await chmod(path, 0o660)
}

/** Removes a socket that a killed server left behind. The data directory's lock makes sure that nobody listens there. */
async function removeStale(path: string): Promise<void> {
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false))
    probe.once('connect', () => probe.destroy())
  })
  if (!alive) await rm(path, { force: true })
}

function refusal(error: NodeJS.ErrnoException, where: string, setting: string): Error {
  if (error.code === 'EADDRINUSE')
    return new Refusal('not-available', `${where} is taken by another program.`, {
      next: `Stop that program (ss -ltnp shows it) or set ${setting} to another address or port.`,
    })
  if (error.code === 'EADDRNOTAVAIL')
    return new Refusal('not-available', `${where}: this computer has no such address.`, { next: `Correct ${setting}.` })
  if (error.code === 'EACCES')
    return new Refusal('not-available', `${where} may not be listened on without privileges.`, {
      next: `Run as root, or set ${setting} to a port above 1023.`,
    })
  return error
}
