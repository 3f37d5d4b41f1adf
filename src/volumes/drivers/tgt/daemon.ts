import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Refusal } from '../../../kit/errors.ts'
import type { Log } from '../../../kit/log.ts'
import { type Outcome, run } from '../../../processes/run.ts'
import type { Call } from './plan.ts'
import { parsePortals } from './show.ts'

/** tgtd adds this to the name of its socket, and takes several of them apart by it. Ours has a directory of its own. */
const CONTROL_PORT = '1'
/** Bytes of a path of a UNIX socket (unix(7): sun_path has 108), with `.1.lock` behind it. */
const MOST_SOCKET_PATH = 100
const START_MS = 15_000
const STOP_MS = 5_000
const ADMIN_MS = 30_000
const LINES_KEPT = 20

export type TgtdOptions = Readonly<{
  /** For its socket. */
  directory: string
  listen: Readonly<{ host: string; port: number }>
  log: Log
}>

/**
 * One tgtd of our own: in the foreground, with its socket in our directory, so that another one on this computer is not touched. It
 * needs neither root nor kernel modules.
 */
export class Tgtd {
  /** Says why, once it has ended; never fails. */
  readonly ended: Promise<string>
  readonly pid: number
  readonly #child: ChildProcess
  readonly #directory: string
  readonly #said: string[] = []

  /** Ends what an earlier server left running here, then starts. Refused as `not-available` with the reason. */
  static async start({ directory, listen, log }: TgtdOptions): Promise<Tgtd> {
    if (Buffer.byteLength(socketOf(directory)) > MOST_SOCKET_PATH)
      throw new Refusal('not-available', `tgt cannot have its socket in ${directory}: the path is too long`, {
        next: `use a data directory with a shorter path, or iscsi.engine builtin`,
      })
    await mkdir(directory, { recursive: true, mode: 0o700 })
    await endOrphans(directory, log)
    await mustBeFree(listen)
    const tgtd = new Tgtd(directory, listen, log)
    try {
      await tgtd.#ready(listen)
      return tgtd
    } catch (error) {
      tgtd.#child.kill('SIGKILL')
      await tgtd.ended
      throw error
    }
  }

  private constructor(directory: string, { host, port }: TgtdOptions['listen'], log: Log) {
    this.#directory = directory
    this.#child = spawn('tgtd', ['-f', '-C', CONTROL_PORT, '--iscsi', `portal=${host}:${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(directory),
    })
    this.pid = this.#child.pid ?? 0
    const hear = (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        this.#said.push(line.slice(0, 500))
        if (this.#said.length > LINES_KEPT) this.#said.shift()
        log.debug({ line: line.slice(0, 500) }, 'tgtd says')
      }
    }
    this.#child.stdout!.setEncoding('utf8').on('data', hear)
    this.#child.stderr!.setEncoding('utf8').on('data', hear)
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code === 'ENOENT' ? 'there is no program tgtd' : error.message),
      )
      this.#child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with status ${code}`))
    })
  }

  /** Calls tgtadm. Secrets in the arguments are left out of the refusal; while it runs, other users of this computer see them in the list of processes, because tgtadm takes them no other way. */
  async admin(call: Call): Promise<string> {
    const outcome = await this.try(call)
    if (outcome.code === 0) return outcome.stdout
    const secret = call[call.indexOf('--password') + 1]
    const shown = call.includes('--password') ? call.filter((word) => word !== secret) : call
    const reason = call.includes('--password') ? `status ${outcome.code}` : outcome.stderr.trim().slice(0, 500)
    throw new Refusal('not-available', `tgtadm ${shown.join(' ')}: ${reason}`, { next: this.#hint() })
  }

  /** The same for calls that may fail. */
  try(call: Call): Promise<Outcome> {
    return admin(this.#directory, call)
  }

  /** Ends it: politely, then not. Its targets end with it. */
  async stop(): Promise<void> {
    await this.try(['--op', 'delete', '--mode', 'system'])
    const gone = await Promise.race([this.ended.then(() => true), pause(STOP_MS, false, { ref: false })])
    // With targets tgtd ends for no other signal.
    if (!gone) this.#child.kill('SIGKILL')
    await this.ended
  }

  async #ready(listen: TgtdOptions['listen']): Promise<void> {
    const until = Date.now() + START_MS
    const dead = this.ended.then((reason) => ({ reason }))
    while (Date.now() < until) {
      const outcome = await Promise.race([this.try(['--op', 'show', '--mode', 'portal']), dead])
      if ('reason' in outcome)
        throw new Refusal('not-available', `tgtd ${outcome.reason}`, {
          next: `install the package tgt; ${this.#hint()}`,
        })
      if (outcome.code === 0) {
        // It goes on with 0.0.0.0:3260 when it cannot have the portal that it was given.
        const portals = parsePortals(outcome.stdout)
        if (portals.length === 1 && portals[0]!.host === listen.host && portals[0]!.port === listen.port) return
        throw new Refusal('not-available', `tgtd cannot listen on ${listen.host}:${listen.port}`, {
          next: this.#hint(),
        })
      }
      await pause(50)
    }
    throw new Refusal('not-available', 'tgtd does not answer', { next: this.#hint() })
  }

  #hint(): string {
    return `tgtd said: ${this.#said.slice(-3).join('; ') || 'nothing'}`
  }
}

const socketOf = (directory: string) => join(directory, 'tgtd')
const environment = (directory: string) => ({ ...process.env, TGT_IPC_SOCKET: socketOf(directory), LC_ALL: 'C' })

function admin(directory: string, call: Call): Promise<Outcome> {
  const env = { TGT_IPC_SOCKET: socketOf(directory), LC_ALL: 'C' }
  return run('tgtadm', ['-C', CONTROL_PORT, '--lld', 'iscsi', ...call], { env, timeoutMs: ADMIN_MS })
}

/** A tgtd of a server that was killed serves on; what it serves is ours again, so it goes. */
async function endOrphans(directory: string, log: Log): Promise<void> {
  const orphans = await findOrphans(directory)
  for (const pid of orphans) {
    log.info({ pid }, 'ending the tgtd of the server before')
    try {
      process.kill(pid, 'SIGKILL')
    } catch {
      // It may have ended by itself.
    }
  }
  for (const until = Date.now() + STOP_MS; Date.now() < until; await pause(20))
    if (!(await Promise.all(orphans.map((pid) => isOurs(pid, directory)))).includes(true)) return
  throw new Refusal('not-available', `the tgtd of the server before (process ${orphans.join(', ')}) does not end`)
}

/** Looked for among all processes: a number that is written down is missing when the server was killed just before it wrote. */
async function findOrphans(directory: string): Promise<number[]> {
  const found: number[] = []
  for (const name of await readdir('/proc'))
    if (/^[1-9]\d*$/.test(name) && (await isOurs(Number(name), directory))) found.push(Number(name))
  return found
}

/** Ours has our socket in its environment. */
async function isOurs(pid: number, directory: string): Promise<boolean> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')
  if ((await read('comm')).trim() !== 'tgtd') return false
  return (await read('environ')).split('\0').includes(`TGT_IPC_SOCKET=${socketOf(directory)}`)
}

/** tgtd does not say that its port is taken, so it is tried first. */
async function mustBeFree({ host, port }: TgtdOptions['listen']): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new Refusal('not-available', `tgt cannot listen on ${host}:${port}: ${error.code ?? error.message}`, {
          next: 'end what listens there, or set iscsi.listen',
        }),
      ),
    )
    server.listen({ host, port }, () => server.close(() => resolve()))
  })
}
