import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Secret } from '../../src/kit/secret.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'
import { until } from '../e2e/bed/until.ts'

/** A PostgreSQL server of Debian, on 127.0.0.1, with a data directory of its own. It never runs as root, so it is that of its package's user. */
export class Postgres {
  readonly port: number
  readonly #directory: string
  readonly #programs: string
  readonly #owner: Readonly<{ uid: number; gid: number }>
  #process: ChildProcess | undefined
  #databases = 0

  private constructor(port: number, directory: string, programs: string, owner: { uid: number; gid: number }) {
    this.port = port
    this.#directory = directory
    this.#programs = programs
    this.#owner = owner
  }

  static async start(): Promise<Postgres> {
    const [version = ''] = (await readdir('/usr/lib/postgresql')).sort((a, b) => Number(b) - Number(a))
    const idOf = (what: string) => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }))
    const owner = { uid: idOf('-u'), gid: idOf('-g') }
    const directory = await mkdtemp(join(tmpdir(), 'rv-postgres-'))
    await chown(directory, owner.uid, owner.gid)
    const bed = new Postgres(await freeTcpPort(), directory, `/usr/lib/postgresql/${version}/bin`, owner)
    // A database that compares texts as some language does, which Reveille must not depend on, could only be had with locales installed.
    await bed.#run('initdb', [
      '-D',
      join(directory, 'data'),
      '-A',
      'trust',
      '-U',
      'reveille',
      '-E',
      'UTF8',
      '--no-sync',
    ])
    await bed.up()
    return bed
  }

  /** Starts it, also after `kill`. */
  async up(): Promise<void> {
    const settings = [`port=${this.port}`, 'listen_addresses=127.0.0.1', `unix_socket_directories=${this.#directory}`]
    const args = ['-D', join(this.#directory, 'data'), ...settings.flatMap((each) => ['-c', each])]
    // Tests end processes, not the power.
    args.push('-c', 'fsync=off')
    this.#process = spawn(join(this.#programs, 'postgres'), args, { stdio: 'ignore', ...this.#owner })
    await until('PostgreSQL answers', 60_000, () =>
      this.#run('pg_isready', ['-h', '127.0.0.1', '-p', String(this.port)]).then(
        () => true,
        () => undefined,
      ),
    )
  }

  /** All of its processes at once, as a crash ends them. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (!child || child.exitCode !== null) return
    // SIGQUIT: its children end at once, nothing is written back; what was committed comes from its log.
    child.kill('SIGQUIT')
    await once(child, 'exit')
  }

  /** A database of that name. */
  url(database: string): Secret {
    return new Secret(`postgresql://reveille@127.0.0.1:${this.port}/${database}`)
  }

  /** The same by the socket in its directory, which other users may pass. */
  socketUrl(database: string): Secret {
    return new Secret(`postgresql:///${database}?host=${this.#directory}&port=${this.port}&user=reveille`)
  }

  /** `like`: with everything that this one has. */
  async newDatabase(like = 'template1'): Promise<Secret> {
    const name = `site${this.#databases++}`
    await this.ask('postgres', `create database ${name} template ${like}`)
    return this.url(name)
  }

  /** What psql answers. */
  async ask(database: string, sql: string): Promise<string> {
    const args = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'reveille', '-d', database, '-qAtX', '-c', sql]
    return (await this.#run('psql', args)).trim()
  }

  async remove(): Promise<void> {
    await this.kill()
    await rm(this.#directory, { recursive: true, force: true })
  }

  async #run(program: string, args: readonly string[]): Promise<string> {
    await mkdir(this.#directory, { recursive: true })
    const options = { cwd: this.#directory, ...this.#owner, env: { ...process.env, LC_ALL: 'C.UTF-8' } }
    return (await promisify(execFile)(join(this.#programs, program), [...args], options)).stdout
  }
}
