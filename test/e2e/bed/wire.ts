import { execFile, type SpawnOptions, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import type { Attachment, LabNetwork } from '../../../src/lab/network.ts'

const execute = promisify(execFile)
let made = 0

export async function ip(...args: string[]): Promise<string> {
  return (await execute('ip', args)).stdout
}

/** A network namespace of this test run: a computer of its own on the wires it is plugged into. */
export class Host {
  readonly namespace: string

  private constructor(namespace: string) {
    this.namespace = namespace
  }

  static async make(): Promise<Host> {
    if (made === 0) await sweep()
    const namespace = `rv-e2e-${process.pid}-${++made}`
    await ip('netns', 'add', namespace)
    await ip('-n', namespace, 'link', 'set', 'lo', 'up')
    return new Host(namespace)
  }

  /** What to put before a command so that it runs here. */
  get within(): string[] {
    return ['ip', 'netns', 'exec', this.namespace]
  }

  ip(...args: string[]): Promise<string> {
    return ip('-n', this.namespace, ...args)
  }

  async address(device: string, cidr: string): Promise<void> {
    await this.ip('addr', 'add', cidr, 'dev', device)
    await this.ip('link', 'set', device, 'up')
  }

  start(command: string, args: readonly string[], options: SpawnOptions = {}) {
    const [first, ...rest] = [...this.within, command, ...args]
    return spawn(first!, rest, options)
  }

  async remove(): Promise<void> {
    await ip('netns', 'del', this.namespace).catch(() => undefined)
  }
}

/** Ends what a test run left behind that was itself killed: hosts carry the process id of their run. */
async function sweep(): Promise<void> {
  for (const [namespace, pid] of (await ip('netns')).matchAll(/^rv-e2e-(\d+)-\d+/gm)) {
    if (existsSync(`/proc/${pid}`)) continue
    for (const each of (await ip('netns', 'pids', namespace)).trim().split(/\s+/)) {
      if (each !== '') process.kill(Number(each), 'SIGKILL')
    }
    await ip('netns', 'del', namespace)
  }
}

/** A switch inside a host, with taps for machines and cables to other hosts. It is the network of test machines, like the lab's. */
export class Bridge implements LabNetwork {
  readonly mode = 'bridge'
  readonly interface: string
  readonly host: Host
  #taps = 0

  private constructor(host: Host, device: string) {
    this.host = host
    this.interface = device
  }

  static async make(host: Host, device: string, cidr: string): Promise<Bridge> {
    await host.ip(
      'link',
      'add',
      device,
      'type',
      'bridge',
      'forward_delay',
      '0',
      'stp_state',
      '0',
      'mcast_snooping',
      '0',
    )
    // Else it would change with every cable that is plugged in.
    await host.ip('link', 'set', device, 'address', '02:00:00:00:00:01')
    await host.address(device, cidr)
    // A switch with nothing plugged in has no carrier, and an interface without one is not served.
    const [end, loose] = [`${device}x`, `${device}y`]
    await host.ip('link', 'add', end, 'type', 'veth', 'peer', 'name', loose)
    await host.ip('link', 'set', loose, 'up')
    await host.ip('link', 'set', end, 'master', device, 'up')
    return new Bridge(host, device)
  }

  /** A cable to another host, whose end there is called `device`. */
  async plug(host: Host, device: string, cidr: string): Promise<void> {
    const near = `p${++made}`
    await this.host.ip('link', 'add', near, 'type', 'veth', 'peer', 'name', device, 'netns', host.namespace)
    await this.host.ip('link', 'set', near, 'master', this.interface, 'up')
    await host.address(device, cidr)
  }

  async attach(): Promise<Attachment> {
    const tap = `t${process.pid % 10_000}x${++this.#taps}`
    await this.host.ip('tuntap', 'add', 'dev', tap, 'mode', 'tap')
    await this.host.ip('link', 'set', tap, 'master', this.interface, 'up')
    return { netdev: `tap,id=net0,ifname=${tap},script=no,downscript=no,vnet_hdr=off`, within: this.host.within }
  }

  async detach(): Promise<void> {}
  async impossible(): Promise<undefined> {
    return undefined
  }
  async isUp(): Promise<boolean> {
    return true
  }
  async up(): Promise<void> {}
  async down(): Promise<void> {}
}
