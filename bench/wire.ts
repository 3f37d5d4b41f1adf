import { type ChildProcess, execFileSync, spawn } from 'node:child_process'

/** Two network namespaces joined by a veth pair, as two computers by a cable (MTU 1500). Needs root. */
export class Wire {
  readonly server = `rv-bench-${process.pid}-s`
  readonly client = `rv-bench-${process.pid}-c`
  readonly serverAddress = '10.91.0.1'
  readonly #children = new Set<ChildProcess>()

  constructor() {
    const ip = (...args: string[]) => execFileSync('ip', args)
    ip('netns', 'add', this.server)
    ip('netns', 'add', this.client)
    ip('link', 'add', 'bench0', 'netns', this.server, 'type', 'veth', 'peer', 'name', 'bench0', 'netns', this.client)
    for (const [namespace, address] of [
      [this.server, '10.91.0.1/24'],
      [this.client, '10.91.0.2/24'],
    ] as const) {
      ip('-n', namespace, 'addr', 'add', address, 'dev', 'bench0')
      ip('-n', namespace, 'link', 'set', 'bench0', 'up')
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  }

  /** Starts a program of the server's side; it is killed by `stop` or `close`. */
  start(command: string, ...args: string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.server, command, ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
    child.stderr?.on('data', (text: Buffer) => {
      if (process.env.REVEILLE_BENCH_VERBOSE) process.stderr.write(text)
    })
    this.#children.add(child)
    return child
  }

  async stop(child: ChildProcess): Promise<void> {
    this.#children.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill()
    const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
    await ended
    clearTimeout(timer)
  }

  /** Runs a program on the client's side to its end and returns what it printed. */
  run(command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.client, command, ...args], { encoding: 'utf8', timeout: 900_000 })
  }

  async close(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.stop(child)))
    execFileSync('ip', ['netns', 'del', this.server])
    execFileSync('ip', ['netns', 'del', this.client])
  }
}

/** The middle one of several measurements. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}

export const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
