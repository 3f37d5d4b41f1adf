import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SettingsInput } from '../../../src/config/schema.ts'
import { ownEnvironment } from './environment.ts'
import { until } from './until.ts'

type Start = (command: string, args: readonly string[], options: SpawnOptions) => ChildProcess

/** The real server, `bin/reveille serve`, with a data directory of its own, spoken to by its control socket. */
export class Server {
  readonly dataDir: string
  readonly #start: Start
  readonly #readyMs: number
  #process: ChildProcess | undefined
  #output = ''

  private constructor(dataDir: string, start: Start, readyMs: number) {
    this.dataDir = dataDir
    this.#start = start
    this.#readyMs = readyMs
  }

  /**
   * `start`: how a program is started where it shall run; `owner`: the ordinary user that it runs as; `before`: what to put into
   * its data directory; `readyMs`: the longest time until it answers.
   */
  static async make(
    settings: SettingsInput,
    how: {
      start?: Start
      owner?: { uid: number; gid: number }
      before?: (dataDir: string) => Promise<void>
      readyMs?: number
    } = {},
  ): Promise<Server> {
    const { start = (...given) => spawn(given[0], given[1], given[2]), owner, readyMs = 60_000 } = how
    const dataDir = await mkdtemp(join(tmpdir(), 'rv-e2e-'))
    // Who tests neither boots nor disks needs no target.
    const iscsi = settings.iscsi ?? (settings.dhcp || settings.lab ? {} : { enabled: false })
    await writeFile(join(dataDir, 'reveille.yaml'), JSON.stringify({ ...settings, iscsi, dataDir }))
    await how.before?.(dataDir)
    if (owner) await promisify(execFile)('chown', ['-R', `${owner.uid}:${owner.gid}`, dataDir])
    const own: Start = (command, args, options) => start(command, args, { ...options, ...owner })
    const server = new Server(dataDir, own, readyMs)
    await server.start().catch(async (error: unknown) => {
      await server.remove()
      throw error
    })
    return server
  }

  /** What it logged. */
  get output(): string {
    return this.#output
  }

  /** Starts it and waits until it answers. */
  async start(): Promise<void> {
    const child = this.#start('bin/reveille', ['serve', '--config', join(this.dataDir, 'reveille.yaml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: ownEnvironment(),
    })
    this.#process = child
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.#output += data.toString()
      })
    await until('the server answers', this.#readyMs, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#output}`)
      if (!existsSync(join(this.dataDir, 'control.sock'))) return undefined
      return (await this.call('GET', '/readyz').catch(() => undefined))?.status === 200 ? true : undefined
    })
  }

  /** As a power cut: nothing is said goodbye to. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#process
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  async remove(): Promise<void> {
    await this.#end('SIGTERM')
    await rm(this.dataDir, { recursive: true, force: true })
  }

  /** One call of the API as the control socket's admin. */
  call(method: string, path: string, body?: unknown): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const payload =
        body === undefined ? undefined : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
      const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
      const headers = payload ? { 'content-type': type, 'content-length': payload.length } : {}
      const asked = request({ socketPath: join(this.dataDir, 'control.sock'), method, path, headers, timeout: 60_000 })
      asked.on('timeout', () => asked.destroy(new Error(`${method} ${path} was not answered`)))
      asked.on('error', reject)
      asked.on('response', (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (data: string) => {
          text += data
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
        response.on('error', reject)
      })
      asked.end(payload)
    })
  }

  /** A call that must succeed; its JSON. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { status, text } = await this.call(method, `/api/v1${path}`, body)
    if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`)
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
}
