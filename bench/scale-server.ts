import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createClient } from '../src/api/client/client.ts'
import { nodeTransport } from '../src/api/client/node.ts'

const REVEILLE = join(import.meta.dirname, '../bin/reveille')
const MIB = 2 ** 20

/** What the probe inside the server tells; see scale-probe.ts. */
export type Taken = Readonly<{
  longestMs: number
  busiestMs: number
  cpuMs: number
  residentMiB: number
}>

/** A server with a data directory of its own that is measured from within while it works. */
export class MeasuredServer {
  readonly #directory = mkdtempSync(join(tmpdir(), 'reveille-bench-scale-'))
  readonly #probe = join(this.#directory, 'probe.sock')
  readonly #log = join(this.#directory, 'log')
  readonly #port: number
  #process: ChildProcess | undefined
  readonly dataDir = join(this.#directory, 'data')
  readonly client = createClient(nodeTransport({ socket: join(this.dataDir, 'control.sock') }))

  constructor(port: number) {
    this.#port = port
  }

  /** A place for files of the measurement. */
  file(name: string): string {
    return join(this.#directory, name)
  }

  /** Resolves when it answers. */
  async start(): Promise<void> {
    rmSync(this.#probe, { force: true })
    const flags = {
      'data-dir': this.dataDir,
      'http-listen': `127.0.0.1:${this.#port}`,
      'iscsi-listen': `127.0.0.1:${this.#port + 1}`,
      'gateway-host': '127.0.0.1',
      'gateway-ports': '40000-52000',
      'http-rate-limit': '1000000',
    }
    const words = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])
    this.#process = spawn('sh', ['-c', 'exec "$@" >> "$0" 2>&1', this.#log, REVEILLE, 'serve', ...words], {
      stdio: 'ignore',
      env: {
        ...process.env,
        NODE_OPTIONS: `--import ${join(import.meta.dirname, 'scale-probe.ts')}`,
        BENCH_PROBE: this.#probe,
      },
    })
    const answers = () =>
      this.client.getStatus({}).then(
        () => true,
        () => false,
      )
    while (!(await answers())) {
      if (this.#process.exitCode !== null)
        throw new Error(`the server ended: ${readFileSync(this.#log, 'utf8').slice(-2000)}`)
      await delay(20)
    }
  }

  /** As a power cut would end it. */
  async kill(): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = once(this.#process, 'exit')
    this.#process.kill('SIGKILL')
    await ended
    // The processes that serve disks notice it and end.
    await delay(500)
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.#directory, { recursive: true, force: true, maxRetries: 10 })
  }

  /** What was since it was asked last. */
  async take(): Promise<Taken> {
    return JSON.parse(await text(await this.#ask({ socketPath: this.#probe, path: '/take' }))) as Taken
  }

  /** A profile of what it does meanwhile, for DevTools. */
  async profiled<T>(path: string, work: () => Promise<T>): Promise<T> {
    await text(await this.#ask({ socketPath: this.#probe, path: '/profile', method: 'POST' }))
    try {
      return await work()
    } finally {
      const headers = { 'x-path': path }
      await text(await this.#ask({ socketPath: this.#probe, path: '/profile', method: 'DELETE', headers }))
    }
  }

  /** The size of an answer, in words. */
  async get(path: string): Promise<string> {
    const answer = await this.#ask({ socketPath: join(this.dataDir, 'control.sock'), path })
    if (answer.statusCode !== 200) throw new Error(`${path} is answered with ${answer.statusCode}`)
    return `${Math.round((await text(answer)).length / 1024)} KiB`
  }

  /** What a machine with this MAC boots. */
  async script(mac: string): Promise<void> {
    const path = `/boot/script.ipxe?mac=${mac}&platform=efi&arch=x86_64&serial=${mac.replaceAll(':', '')}`
    const answer = await this.#ask({ host: '127.0.0.1', port: this.#port, path })
    await text(answer)
    if (answer.statusCode !== 200) throw new Error(`the script of ${mac} is answered with ${answer.statusCode}`)
  }

  /** An open stream of events; `close` ends it and tells how much came. */
  async follow(): Promise<{ close: () => number }> {
    let bytes = 0
    const answer = await this.#ask({ socketPath: join(this.dataDir, 'control.sock'), path: '/api/v1/events' })
    answer.on('data', (part: Buffer) => {
      bytes += part.length
    })
    answer.on('error', () => undefined)
    return {
      close: () => {
        answer.destroy()
        return bytes
      },
    }
  }

  /** Runs a command of the command line against it and tells its time and what it printed. */
  async command(...words: string[]): Promise<string> {
    const env = { ...process.env, REVEILLE_DATA_DIR: this.dataDir }
    const timed = ['-c', 'TIMEFORMAT="%U %S"; time "$@"', 'bash', REVEILLE, ...words]
    const child = spawn('bash', timed, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const [printed, said] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    const times = /([\d.]+) ([\d.]+)\n$/.exec(said)
    if (child.exitCode !== 0 || !times) throw new Error(`reveille ${words.join(' ')}: ${said}`)
    return `${(Number(times[1]) + Number(times[2])).toFixed(2)} s of its own, ${Math.round(printed.length / 1024)} KiB`
  }

  /** Its databases and its log, in MiB. */
  sizes(): string {
    const sizeOf = (path: string) => (statSync(path).size / MIB).toFixed(1)
    const files = readdirSync(this.dataDir).filter((name) => /\.db(-wal)?$/.test(name) && name !== 'lock.db')
    const databases = files.map((name) => `${name} ${sizeOf(join(this.dataDir, name))}`)
    return [...databases, `log ${sizeOf(this.#log)}`].join(', ')
  }

  #ask(how: RequestOptions): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = request(how, resolve)
      asked.on('error', reject)
      asked.end()
    })
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(Buffer.from(part))
  return Buffer.concat(parts).toString()
}
