import { type ChildProcess, spawn } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { type Outcome, run } from '../../src/processes/run.ts'

/** Who asks, and for what: real initiators (libiscsi's tools and QEMU) are started with it. `lun` is the number on the wire. */
export type Login = Readonly<{
  port: number
  host?: string
  iqn: string
  lun: number
  initiator: string
  user?: string
  secret?: string
  /** What the target must prove. */
  mutual?: Readonly<{ user: string; secret: string }>
}>

const CLIENT_MS = 30_000
const ANSWER_MS = 30_000

function url({ host = '127.0.0.1', port, iqn, lun, user, secret, mutual }: Login): string {
  const who = user ? `${user}%${secret}@` : ''
  const proof = mutual ? `?target_user=${mutual.user}&target_password=${mutual.secret}` : ''
  return `iscsi://${who}${host}:${port}/${iqn}/${lun}${proof}`
}

const tool = (name: string, login: Login, ...args: string[]): Promise<Outcome> =>
  run(name, ['-i', login.initiator, ...args, url(login)], { timeoutMs: CLIENT_MS })

/** INQUIRY with libiscsi; `evpd` a page of vital product data. */
export const inquiry = (login: Login, evpd?: number): Promise<Outcome> =>
  tool('iscsi-inq', login, ...(evpd === undefined ? [] : ['-e', '1', '-c', String(evpd)]))

/** Whether a login is let in. libiscsi's tools end with a status only sometimes: what they print counts. */
export async function mayLogIn(login: Login): Promise<boolean> {
  const { stdout } = await inquiry(login)
  return /Peripheral Device Type/.test(stdout)
}

/** Size of the disk in bytes. */
export async function capacity(login: Login): Promise<number> {
  const { stdout, stderr } = await tool('iscsi-readcapacity16', login)
  const size = /Total size:(\d+)/.exec(stdout)?.[1]
  if (!size) throw new Error(`iscsi-readcapacity16: ${stdout}${stderr}`)
  return Number(size)
}

/** What discovery shows, with the LUNs of each target if they may be looked at. */
export async function listed(login: Login): Promise<string> {
  const { host = '127.0.0.1', port, user, secret, initiator } = login
  const who = user ? `${user}%${secret}@` : ''
  const { stdout, stderr } = await run('iscsi-ls', ['-s', '-i', initiator, `iscsi://${who}${host}:${port}`], {
    timeoutMs: CLIENT_MS,
  })
  return stdout + stderr
}

/** Runs tests of libiscsi's own suite, which writes to the disk. */
export const conform = (login: Login, tests: string): Promise<Outcome> =>
  run('iscsi-test-cu', ['--dataloss', '-i', login.initiator, '-t', tests, url(login)], { timeoutMs: 90_000 })

/** qemu-io at a disk; its session lasts until `close`. When the connection breaks it comes back by itself. */
export class Initiator {
  readonly #child: ChildProcess
  readonly ended: Promise<number | null>
  #heard = ''
  #marks = 0

  /** Fails with what QEMU says if it is not let in. */
  static async connect(login: Login, options: Readonly<{ readOnly?: boolean }> = {}): Promise<Initiator> {
    const initiator = new Initiator(login, options.readOnly ?? false)
    // Any answer will do: it comes when the disk is open.
    await initiator.command('length')
    return initiator
  }

  private constructor(login: Login, readOnly: boolean) {
    const { host = '127.0.0.1', port, iqn, lun, initiator, user, secret } = login
    const disk = [
      'driver=iscsi,transport=tcp',
      `portal=${host}:${port},target=${iqn},lun=${lun},initiator-name=${initiator}`,
      ...(user ? [`user=${user},password=${secret}`] : []),
      ...(readOnly ? ['read-only=on'] : []),
    ].join(',')
    // To a pipe it would print only when it ends.
    this.#child = spawn('stdbuf', ['-o0', 'qemu-io', ...(readOnly ? ['-r'] : []), '--image-opts', disk], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    })
    this.#child.stdin!.on('error', () => {})
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#heard += text
      })
    this.ended = new Promise((resolve) => this.#child.once('close', resolve))
  }

  /** Gives one command of qemu-io; what it printed. Fails when qemu-io ends instead. */
  async command(words: string): Promise<string> {
    this.#heard = ''
    this.#child.stdin!.write(`${words}\n`)
    // qemu-io names a command that it does not know: then it is done with the one before. It takes one line at a time, when the pipe stirs.
    const mark = `mark${++this.#marks}.`
    for (const until = Date.now() + ANSWER_MS; !this.#heard.includes(`command "${mark}"`); await pause(20)) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null || Date.now() > until) {
        this.#child.kill('SIGKILL')
        throw new Error(`qemu-io: ${this.#heard}`)
      }
      this.#child.stdin!.write(`${mark}\n`)
    }
    return this.#heard.replaceAll(/command "mark\d+\." not found\n?|qemu-io> /g, '').trim()
  }

  /** Writes the byte; `undefined` if all is well, or what QEMU says. */
  async write(byte: number, at: number, bytes: number): Promise<string | undefined> {
    const said = await this.command(`write -P ${byte} ${at} ${bytes}`)
    return said.includes(`wrote ${bytes}/${bytes} bytes`) ? undefined : said || 'nothing was written'
  }

  /** Reads, and compares with the byte; `undefined` if all is well, or what QEMU says. */
  async holds(byte: number, at: number, bytes: number): Promise<string | undefined> {
    const said = await this.command(`read -P ${byte} ${at} ${bytes}`)
    return said.includes(`read ${bytes}/${bytes} bytes`) && !said.includes('verification failed')
      ? undefined
      : said || 'nothing was read'
  }

  flush(): Promise<string> {
    return this.command('flush')
  }

  async close(): Promise<void> {
    this.#child.stdin!.end('quit\n')
    const gone = await Promise.race([this.ended.then(() => true), pause(5000, false)])
    if (!gone) this.#child.kill('SIGKILL')
    await this.ended
  }

  /** As if the machine lost power. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }
}
