import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type IpmiGateway, serveGateway } from '../../src/gateway/ipmi/serve.ts'
import { SILENT } from '../../src/kit/log.ts'
import type { Sensor } from '../../src/power/sensor.ts'
import { IPMI_CRYPTOGRAPHY } from '../../src/sockets/ipmi-cryptography.ts'
import { FakeBmc, FakeDirectory } from '../fakes/bmc.ts'

export type Ran = Readonly<{ code: number; out: string; err: string }>

const NO_LIMITS = { lowCritical: null, lowWarning: null, highWarning: null, highCritical: null, text: '' } as const

/** Of every kind, with values that one byte can say only with the right factors. */
export const SENSORS: Sensor[] = [
  {
    ...NO_LIMITS,
    name: 'CPU Temp',
    kind: 'temperature',
    unit: '°C',
    value: 47,
    state: 'ok',
    highWarning: 85,
    highCritical: 95,
  },
  { ...NO_LIMITS, name: 'Outside', kind: 'temperature', unit: '°C', value: -12, state: 'ok' },
  {
    ...NO_LIMITS,
    name: '12V',
    kind: 'voltage',
    unit: 'V',
    value: 12.06,
    state: 'ok',
    lowCritical: 10.8,
    highCritical: 13.2,
  },
  {
    ...NO_LIMITS,
    name: 'VCore',
    kind: 'voltage',
    unit: 'V',
    value: 0.85,
    state: 'ok',
    lowCritical: 0.6,
    highCritical: 1.4,
  },
  { ...NO_LIMITS, name: 'Fan 1', kind: 'fan', unit: 'RPM', value: 4200, state: 'ok', lowCritical: 600 },
  { ...NO_LIMITS, name: 'Fan 2', kind: 'fan', unit: 'RPM', value: 300, state: 'critical', lowCritical: 600 },
  { ...NO_LIMITS, name: 'Power Draw', kind: 'power', unit: 'W', value: 212, state: 'ok' },
  { ...NO_LIMITS, name: 'Inlet Current', kind: 'current', unit: 'A', value: 1.8, state: 'ok' },
  { ...NO_LIMITS, name: 'Humidity', kind: 'other', unit: '%', value: 41, state: 'ok' },
  { ...NO_LIMITS, name: 'Silent', kind: 'temperature', unit: '°C', value: null, state: 'unknown' },
  { ...NO_LIMITS, name: 'PSU 1', kind: 'discrete', unit: '', value: null, state: 'ok', text: 'Presence detected' },
  { ...NO_LIMITS, name: 'PSU 2', kind: 'discrete', unit: '', value: null, state: 'critical', text: 'Failure detected' },
]

/** One emulated BMC on a port of 127.0.0.1, and the programs that administrators use. */
export class IpmiBed {
  readonly bmc: FakeBmc
  readonly gateway: IpmiGateway
  /** FreeIPMI keeps what it read of sensors here. */
  readonly home = mkdtempSync(join(tmpdir(), 'reveille-ipmi-'))

  private constructor(bmc: FakeBmc, gateway: IpmiGateway) {
    this.bmc = bmc
    this.gateway = gateway
  }

  static async start(change: ConstructorParameters<typeof FakeBmc>[0] = {}): Promise<IpmiBed> {
    for (;;) {
      // ipmiconsole takes no port above 32767, which is where the kernel gives out its own.
      const bmc = new FakeBmc({ port: randomInt(10_000, 32_000), ...change })
      bmc.sensorList = [...SENSORS]
      const gateway = serveGateway({
        directory: new FakeDirectory([bmc]),
        gateway: { host: '127.0.0.1', clients: [], cipherSuite3: true, sessions: 64 },
        cryptography: IPMI_CRYPTOGRAPHY,
        clock: { now: () => Date.now() },
        log: SILENT,
      })
      await gateway.sync()
      const { listening, problem } = gateway.statusOf(bmc.bmc.machine)
      if (listening) return new IpmiBed(bmc, gateway)
      await gateway.stop()
      if (change.port !== undefined) throw new Error(problem)
    }
  }

  get port(): number {
    return this.gateway.portOf(this.bmc.bmc.machine)!
  }

  async stop(): Promise<void> {
    await this.gateway.stop()
    rmSync(this.home, { recursive: true })
  }

  #environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.home, TZ: 'UTC', LC_ALL: 'C' }
  }

  /** What `program` says. Nothing is typed. */
  run(program: string, args: readonly string[]): Promise<Ran> {
    return new Promise((resolve) => {
      const options = { env: this.#environment(), timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }
      const child = execFile(program, [...args], options, (error, out, err) =>
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, out, err }),
      )
      child.stdin?.end()
    })
  }

  /** `suite` undefined: the client asks what there is and chooses. */
  ipmitool(suite: 3 | 17 | undefined, ...args: string[]): Promise<Ran> {
    return this.ipmitoolAs({ suite }, ...args)
  }

  ipmitoolAs(
    who: Readonly<{ suite?: number | undefined; user?: string; password?: string; level?: string }>,
    ...args: string[]
  ): Promise<Ran> {
    return this.run('ipmitool', [...this.ipmitoolArgs(who), ...args])
  }

  ipmitoolArgs({
    suite,
    user = 'admin',
    password = 'secret',
    level,
  }: Readonly<{ suite?: number | undefined; user?: string; password?: string; level?: string }> = {}): string[] {
    return [
      ...['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(this.port), '-U', user, '-P', password, '-N', '2'],
      ...(suite === undefined ? [] : ['-C', String(suite)]),
      ...(level === undefined ? [] : ['-L', level]),
    ]
  }

  freeipmiArgs(suite: 3 | 17): string[] {
    const driver = ['--driver-type=LAN_2_0', `--cipher-suite-id=${suite}`]
    return ['-h', `127.0.0.1:${this.port}`, '-u', 'admin', '-p', 'secret', ...driver]
  }

  /** `ipmiconsole` knows one driver only. */
  consoleArgs(suite: 3 | 17): string[] {
    return ['-h', `127.0.0.1:${this.port}`, '-u', 'admin', '-p', 'secret', '-I', String(suite)]
  }

  freeipmi(suite: 3 | 17, program: string, ...args: string[]): Promise<Ran> {
    return this.run(program, [...this.freeipmiArgs(suite), ...args])
  }

  /** A program on a terminal of its own, as a person would have it: `type` after something was printed. */
  async terminal(
    program: string,
    args: readonly string[],
    steps: readonly (readonly [RegExp, string])[],
  ): Promise<string> {
    const quoted = [program, ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn('script', ['-qfec', quoted, '/dev/null'], { env: { ...this.#environment(), TERM: 'dumb' } })
    let said = ''
    const waiting = [...steps]
    child.stdout.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1')
      while (waiting.length > 0 && waiting[0]![0].test(said)) child.stdin.write(waiting.shift()![1])
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
    await new Promise((resolve) => child.once('close', resolve))
    clearTimeout(timer)
    if (waiting.length > 0) throw new Error(`${program} never said ${waiting[0]![0]}, but: ${said}`)
    return said
  }
}
