import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process'
import { access } from 'node:fs/promises'
import type { Screen } from './screen.ts'
import type { Talk } from './talk.ts'
import { TelnetReader, telnetTyped } from './telnet.ts'

/** More than this printed and not yet sent: the shell waits. */
const MOST_UNSENT = 1024 * 1024
/** Where busybox puts its names. */
const PLACES = ['/sbin/telnetd', '/usr/sbin/telnetd', '/bin/telnetd', '/usr/bin/telnetd']
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/', TERM: 'xterm', PS1: 'agent:\\w# ' }

/**
 * A shell for operators over a WebSocket of the server, one at a time. Both ends show that it is open: nobody is watched
 * unawares.
 */
export class AgentShell {
  readonly #talk: Pick<Talk, 'server' | 'authorization'>
  readonly #screen: Screen
  #open = false

  constructor(talk: Pick<Talk, 'server' | 'authorization'>, screen: Screen) {
    this.#talk = talk
    this.#screen = screen
  }

  open(): void {
    if (this.#open) return
    this.#open = true
    this.#run().catch((error: unknown) => {
      this.#open = false
      this.#screen.say('warn', `the operator's shell could not be opened: ${String(error)}`)
    })
  }

  async #run(): Promise<void> {
    // Before the socket, whose opening must not be missed.
    const terminal = await startTerminal()
    const url = `${this.#talk.server.replace(/^http/, 'ws')}/agent/v1/shell`
    const options = { headers: { authorization: this.#talk.authorization } }
    // Node's WebSocket takes headers; the standard that its type follows has none.
    const socket = new WebSocket(url, options as unknown as string[])
    socket.binaryType = 'arraybuffer'
    const end = () => {
      if (!this.#open) return
      this.#open = false
      this.#screen.say('info', 'the shell of the operator is closed')
      terminal.kill()
      socket.close()
    }
    terminal.onBytes((bytes) => {
      if (socket.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_UNSENT)
        socket.send(bytes as Uint8Array<ArrayBuffer>)
    })
    terminal.onEnd(end)
    socket.addEventListener('open', () => {
      this.#screen.say('warn', 'an operator has opened a shell on this machine')
      terminal.type(Buffer.from('\n'))
    })
    socket.addEventListener('message', ({ data }) => {
      if (data instanceof ArrayBuffer) terminal.type(new Uint8Array(data))
    })
    socket.addEventListener('close', end)
    socket.addEventListener('error', end)
  }
}

type Terminal = Readonly<{
  type(bytes: Uint8Array): void
  onBytes(listener: (bytes: Uint8Array) => void): void
  onEnd(listener: () => void): void
  kill(): void
}>

/**
 * Node makes no pseudo-terminals, but busybox's telnetd does: it talks telnet over its standard input to us and gives the shell a real
 * terminal. Without it the shell gets pipes: no editing of lines, no programs that use the screen.
 */
async function startTerminal(): Promise<Terminal> {
  const telnetd = await firstThere(PLACES)
  if (telnetd === undefined) return piped(start('/bin/sh', ['-i']))
  // Where nobody has mounted it yet; already there is fine.
  await new Promise<void>((resolve) => execFile('mount', ['-t', 'devpts', 'devpts', '/dev/pts'], () => resolve()))
  const reader = new TelnetReader()
  const terminal = piped(start(telnetd, ['-i', '-l', '/bin/sh']))
  return {
    ...terminal,
    type: (bytes) => terminal.type(telnetTyped(bytes)),
    onBytes: (listener) => terminal.onBytes((bytes) => listener(reader.read(bytes))),
  }
}

function start(program: string, args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(program, args, { env: ENVIRONMENT, cwd: '/', stdio: 'pipe', detached: true })
}

function piped(child: ChildProcessWithoutNullStreams): Terminal {
  child.stdin.on('error', () => undefined)
  return {
    type: (bytes) => void (child.stdin.writable && child.stdin.write(bytes)),
    onBytes(listener) {
      child.stdout.on('data', listener)
      child.stderr.on('data', listener)
    },
    onEnd(listener) {
      child.on('exit', listener)
      child.on('error', listener)
    },
    kill() {
      // The whole session: what the operator started ends with the terminal.
      if (child.pid !== undefined)
        try {
          process.kill(-child.pid, 'SIGHUP')
        } catch {
          child.kill()
        }
    },
  }
}

async function firstThere(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths)
    try {
      await access(path)
      return path
    } catch {
      // The next one.
    }
  return undefined
}
