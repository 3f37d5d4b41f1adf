import { execFile } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { onTestFailed } from 'vitest'
import type { Deployment } from '../../../src/api/contract/deployments.ts'
import type { NewLabMachine } from '../../../src/api/contract/lab.ts'
import type { Machine } from '../../../src/api/contract/machines.ts'
import type { Why } from '../../../src/api/contract/traces.ts'
import { findMachines } from '../../../src/lab/process.ts'
import { diskNode, machineFiles } from '../../../src/lab/qemu.ts'
import { withQmp } from '../../../src/lab/qmp.ts'
import { bringLinux } from './linux.ts'
import { offerManagementOs } from './management.ts'
import { Server } from './server.ts'
import { until } from './until.ts'
import { Bridge, Host } from './wire.ts'

const AT_REST = ['succeeded', 'failed', 'cancelled']

/** The real server with its lab and the management OS, in a host of its own. */
export class FlashBed {
  readonly host: Host
  readonly server: Server
  readonly #others: Host[] = []

  private constructor(host: Host, server: Server) {
    this.host = host
    this.server = server
  }

  /** `before`: what to do with the data directory before the server starts. */
  static async make(before: (dataDir: string) => Promise<void> = async () => undefined): Promise<FlashBed> {
    const host = await Host.make()
    const server = await Server.make(
      { lab: { enabled: true } },
      {
        start: (...given) => host.start(...given),
        before: async (dataDir) => {
          await bringLinux(dataDir)
          await before(dataDir)
        },
      },
    )
    const bed = new FlashBed(host, server)
    await offerManagementOs(server)
    await server.api('POST', '/lab/up')
    return bed
  }

  /** Keeps a disk as a new version of an image, and makes the profile that installs the newest if there is none. */
  async offer(image: string, disk: Uint8Array, target: Record<string, unknown> = {}): Promise<void> {
    await this.server.api('PUT', `/images/${image}/versions/new/content?kind=disk&format=raw`, disk)
    const known = (await this.server.call('GET', `/api/v1/profiles/${image}`)).status === 200
    if (!known) await this.installs(image, { image, ...target })
  }

  async installs(profile: string, target: Record<string, unknown>): Promise<void> {
    await this.server.api('POST', '/profiles', { name: profile, kind: 'install', targets: [target] })
  }

  /** A machine of the lab, known and off. One of the same name, which the first try of a test has left, is taken away before. */
  async machine(
    name: string,
    firmware: 'bios' | 'uefi',
    disksMiB: readonly number[],
    more: Partial<NewLabMachine> = {},
  ): Promise<FlashedMachine> {
    const disksGiB = disksMiB.map((mib) => mib / 1024)
    const wish = { name, firmware, memoryMiB: 1024, disksGiB, start: false, ...more }
    if ((await this.server.call('GET', `/api/v1/machines/${name}`)).status === 200) await this.#forget(name)
    const { mac } = await this.server.api<{ mac: string }>('POST', '/lab/machines', wish)
    await this.server.api('POST', '/machines', { name, macs: [mac] })
    return new FlashedMachine(this, name, mac)
  }

  async #forget(name: string): Promise<void> {
    const { items } = await this.server.api<{ items: Deployment[] }>('GET', `/machines/${name}/deployments`)
    await this.server.call('DELETE', `/api/v1/lab/machines/${name}`)
    for (const { id, state } of items)
      if (!AT_REST.includes(state)) await this.server.call('DELETE', `/api/v1/deployments/${id}`)
    await this.server.api('DELETE', `/machines/${name}`)
  }

  get(deployment: string): Promise<Deployment> {
    return this.server.api('GET', `/deployments/${deployment}`)
  }

  /** Asks until this is so of a deployment. */
  when(deployment: string, what: string, ms: number, is: (d: Deployment) => boolean): Promise<Deployment> {
    return until(
      `${deployment} ${what}`,
      ms,
      async () => {
        const d = await this.get(deployment)
        return is(d) ? d : undefined
      },
      50,
    )
  }

  /** Waits until a deployment is at rest. */
  ended(deployment: string, ms = 400_000): Promise<Deployment> {
    return this.when(deployment, 'comes to rest', ms, ({ state }) => AT_REST.includes(state))
  }

  /** Asks the server over HTTP from another computer, `10.88.0.2`. */
  async fromElsewhere() {
    const bridge = await Bridge.make(this.host, 'br9', '10.88.0.1/24')
    const other = await Host.make()
    this.#others.push(other)
    await bridge.plug(other, 'eth0', '10.88.0.2/24')
    return async (path: string, { body, session }: { body?: unknown; session?: string } = {}) => {
      const posted = body === undefined ? [] : ['-H', 'content-type: application/json', '-d', JSON.stringify(body)]
      const shown = session === undefined ? [] : ['-H', `authorization: Bearer ${session}`]
      const curl = ['curl', '-sS', '-w', '\n%{http_code}', ...posted, ...shown, `http://10.88.0.1:8080${path}`]
      const [first = '', ...rest] = [...other.within, ...curl]
      const { stdout } = await promisify(execFile)(first, rest, { encoding: 'latin1' })
      const end = stdout.lastIndexOf('\n')
      return { status: Number(stdout.slice(end + 1)), body: stdout.slice(0, end) }
    }
  }

  /** The bytes behind a path of the API. */
  download(path: string): Promise<Buffer<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      const socketPath = join(this.server.dataDir, 'control.sock')
      const asked = request({ socketPath, path: `/api/v1${path}` }, (response) => {
        buffer(response).then(resolve, reject)
      })
      asked.on('error', reject)
      asked.end()
    })
  }

  async remove(): Promise<void> {
    await this.server.call('DELETE', '/api/v1/lab').catch(async () => {
      // A test has left it killed: its machines run on.
      for (const pid of (await findMachines(join(this.server.dataDir, 'lab'))).values()) process.kill(pid, 'SIGKILL')
    })
    await this.server.remove()
    for (const host of [...this.#others, this.host]) await host.remove()
  }
}

/** A machine of the lab whose disks are looked at from outside. */
export class FlashedMachine {
  readonly name: string
  readonly #bed: FlashBed
  readonly #mac: string
  readonly #files: ReturnType<typeof machineFiles>
  /** QEMU's name for the file behind a disk that has a broken sector. */
  #whole = ''

  constructor(bed: FlashBed, name: string, mac: string) {
    this.#bed = bed
    this.name = name
    this.#mac = mac
    this.#files = machineFiles(join(bed.server.dataDir, 'lab', name))
  }

  serial(disk: number): string {
    return `LAB-${this.#mac.replaceAll(':', '').slice(6)}-${disk}`
  }

  /** Orders a deployment; `armed` are its disks by their numbers. */
  async order(what: Record<string, unknown>, ...armed: number[]): Promise<string> {
    onTestFailed(() => this.explain())
    const arm = armed.map((disk) => ({ disk: this.serial(disk) }))
    const order = { ...what, ...(arm.length > 0 ? { arm } : {}) }
    const { id } = await this.#bed.server.api<Deployment>('POST', `/machines/${this.name}/deployments`, order)
    return id
  }

  /** Orders what must be refused; the refusal. */
  async refused(what: Record<string, unknown>): Promise<string> {
    const { status, text } = await this.#bed.server.call('POST', `/api/v1/machines/${this.name}/deployments`, what)
    if (status < 400) throw new Error(`it was not refused: ${text}`)
    return text
  }

  async power(action: 'on' | 'off'): Promise<void> {
    await this.#bed.server.api('POST', `/machines/${this.name}/power`, { action })
  }

  seen(): Promise<Machine> {
    return this.#bed.server.api('GET', `/machines/${this.name}`)
  }

  /** Everything that its serial console printed since it was last switched on. */
  async printed(): Promise<string> {
    return (await this.#bed.server.call('GET', `/api/v1/machines/${this.name}/console/log`)).text
  }

  /** Waits until its serial console shows this more often than `before`. */
  async shows(text: string, ms: number, before = 0): Promise<void> {
    await until(`${this.name} shows ${text}`, ms, async () =>
      (await this.printed()).split(text).length - 1 > before ? true : undefined,
    )
  }

  disk(number: number): Promise<Buffer<ArrayBuffer>> {
    return readFile(this.#files.disk(number))
  }

  async writeDisk(number: number, content: Uint8Array, at = 0): Promise<void> {
    const file = await open(this.#files.disk(number), 'r+')
    await file.write(content, 0, content.length, at)
    await file.close()
  }

  /** While it is on. */
  qmp<T>(command: string, args?: Record<string, unknown>): Promise<T> {
    return withQmp(this.#files.qmpSocket, (qmp) => qmp.execute(command, args)) as Promise<T>
  }

  /** Makes the writing of a sector fail, as on a worn-out disk. While it is on. */
  async breakSector(disk: number, sector: number): Promise<void> {
    const nodes = await this.qmp<{ 'node-name': string; drv: string; image: { filename: string } }[]>(
      'query-named-block-nodes',
      { flat: true },
    )
    const file = nodes.find(({ drv, image }) => drv === 'file' && image.filename === this.#files.disk(disk))
    if (!file) throw new Error(`disk ${disk} is not there`)
    const broken = { event: 'none', iotype: 'write', errno: 5, sector, once: false }
    const image = file['node-name']
    await this.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'broken', image, 'inject-error': [broken] })
    await this.#reopen(disk, 'broken')
    this.#whole = image
  }

  async mendSector(disk: number): Promise<void> {
    await this.#reopen(disk, this.#whole)
    await this.qmp('blockdev-del', { 'node-name': 'broken' })
  }

  #reopen(disk: number, file: string): Promise<unknown> {
    return this.qmp('blockdev-reopen', { options: [{ ...diskNode(disk, ''), file }] })
  }

  async explain(): Promise<void> {
    const { server } = this.#bed
    const ask = (path: string) => server.api<unknown>('GET', path).catch((error: unknown) => ({ error }))
    const why = (await ask(`/machines/${this.name}/why`)) as Why
    const orders = (await ask(`/machines/${this.name}/deployments?limit=1`)) as { items: Deployment[] }
    const log = await ask(`/deployments/${orders.items?.[0]?.id}/log`)
    console.error(`--- ${this.name} showed:\n${(await this.printed().catch(() => '')).slice(-3000)}`)
    console.error(JSON.stringify({ why, orders, log }, null, 1))
    console.error(`--- the server logged:\n${server.output.slice(-3000)}`)
  }
}
