import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import type { OfferHostInput } from './offer-host.ts'

/** What udhcpc was given, as it tells its script. */
export type Given = Readonly<Record<string, string>>

/** A running offer host: what it printed, and ways to end it. */
export type OfferHost = Readonly<{
  lines: readonly Record<string, unknown>[]
  /** Waits for a line; fails after some seconds, showing what came instead. */
  seen(what: string, match: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>
  /** Ends it in order; its counters. */
  stop(): Promise<Record<string, number>>
  kill(): Promise<void>
}>

const UDHCPC_SCRIPT = `#!/bin/sh
case "$1" in bound|renew)
  ip addr flush dev "$interface"; ip addr add "$ip/\${mask:-24}" dev "$interface"
  for name in ip subnet router dns domain lease serverid siaddr sname boot_file bootfile hostname; do eval "echo given.$name=\\$$name"; done ;;
esac
`

/** Network namespaces of one test, their processes and a directory; `down` removes them all. */
export class DhcpBed {
  readonly dir = mkdtempSync(join(tmpdir(), 'reveille-dhcp-'))
  readonly #prefix = `rv-dhcp-${process.pid}`
  readonly #names = new Set<string>()
  readonly #children: ChildProcess[] = []

  constructor() {
    const script = join(this.dir, 'udhcpc')
    writeFileSync(script, UDHCPC_SCRIPT)
    chmodSync(script, 0o755)
  }

  /** A namespace with a loopback interface. */
  namespace(name: string): void {
    this.ip('netns', 'add', this.#full(name))
    this.#names.add(name)
    this.in(name, 'ip', 'link', 'set', 'lo', 'up')
  }

  /** A cable between two namespaces; addresses as `10.0.0.1/24`. */
  cable(
    from: string,
    fromDevice: string,
    to: string,
    toDevice: string,
    addresses: Readonly<{ from?: string; to?: string }> = {},
  ): void {
    this.ip(
      'link',
      'add',
      fromDevice,
      'netns',
      this.#full(from),
      'type',
      'veth',
      'peer',
      'name',
      toDevice,
      'netns',
      this.#full(to),
    )
    for (const [name, device, address] of [
      [from, fromDevice, addresses.from],
      [to, toDevice, addresses.to],
    ] as const) {
      if (address) this.in(name, 'ip', 'addr', 'add', address, 'dev', device)
      this.in(name, 'ip', 'link', 'set', device, 'up')
    }
  }

  ip(...args: string[]): string {
    return execFileSync('ip', args, { encoding: 'utf8', stdio: 'pipe' })
  }

  /** Runs a command in a namespace to its end. */
  in(name: string, ...command: [string, ...string[]]): string {
    return execFileSync('ip', ['netns', 'exec', this.#full(name), ...command], { encoding: 'utf8', stdio: 'pipe' })
  }

  /** Starts a command in a namespace; `down` ends it. */
  start(name: string, ...command: [string, ...string[]]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#full(name), ...command], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#children.push(child)
    return child
  }

  async host(name: string, input: Omit<OfferHostInput, 'dataDir'>): Promise<OfferHost> {
    const settings: OfferHostInput = { dataDir: join(this.dir, `${name}-data`), trace: true, ...input }
    const child = this.start(name, process.execPath, 'test/interop/offer-host.ts', JSON.stringify(settings))
    const lines: Record<string, unknown>[] = []
    let errors = ''
    child.stderr?.on('data', (chunk) => {
      errors += chunk
    })
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(JSON.parse(line)))
    const seen: OfferHost['seen'] = async (what, match) => {
      for (let tries = 0; tries < 300; tries += 1) {
        const found = lines.find(match)
        if (found) return found
        if (child.exitCode !== null) throw new Error(`the host ended (${child.exitCode}): ${errors}`)
        await pause(50)
      }
      throw new Error(`never seen: ${what}. Seen: ${lines.map((line) => JSON.stringify(line)).join('\n')} ${errors}`)
    }
    await seen('ready', (line) => line.ready === true)
    return {
      lines,
      seen,
      async stop() {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGTERM')
        await gone
        return (lines.find((line) => line.counters)?.counters ?? {}) as Record<string, number>
      },
      async kill() {
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        await gone
      },
    }
  }

  /** Lets busybox's DHCP client get an address once; `undefined` when nobody gives it one. */
  udhcpc(name: string, device: string, ...more: string[]): Given | undefined {
    const command = [
      'busybox',
      'udhcpc',
      '-i',
      device,
      '-f',
      '-n',
      '-q',
      '-t',
      '3',
      '-T',
      '1',
      '-s',
      join(this.dir, 'udhcpc'),
      ...more,
    ] as const
    try {
      const output = this.in(name, ...(command as unknown as [string, ...string[]]))
      const given = [...output.matchAll(/^given\.(\w+)=(.*)$/gm)].map(([, key, value]) => [key!, value!] as const)
      return Object.fromEntries(given)
    } catch {
      return undefined
    }
  }

  async down(): Promise<void> {
    await Promise.all(
      this.#children.map((child) => {
        if (child.exitCode !== null || child.signalCode !== null) return undefined
        const gone = new Promise((resolve) => child.once('exit', resolve))
        child.kill('SIGKILL')
        return gone
      }),
    )
    for (const name of this.#names) this.ip('netns', 'del', this.#full(name))
    rmSync(this.dir, { recursive: true, force: true })
  }

  #full(name: string): string {
    return `${this.#prefix}-${name}`
  }
}
