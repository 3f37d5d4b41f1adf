import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type OutletModel, outletOid } from '../../src/power/drivers/snmp/models.ts'
import { freeUdpPort } from '../e2e/bed/free-port.ts'

/** Communities and users of the strip. */
export const STRIP = {
  community: 'may-write-quietly',
  reader: 'may-only-read',
  user: 'reveille',
  auth: 'auth-pass-1',
  priv: 'priv-pass-1',
}

/** How snmpd asks a program that lives on, from snmpd.conf(5), `pass_persist`. An order does what the file of its object and value says. */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
while read -r command; do
  case "$command" in
    PING) echo PONG ;;
    get)
      read -r oid
      if [ -f "value$oid" ]; then echo "$oid"; echo integer; cat "value$oid"; else echo NONE; fi ;;
    getnext) read -r oid; echo NONE ;;
    set)
      read -r oid; read -r type value
      echo "$oid $value" >>orders
      if [ -f "effect$oid.$value" ]; then
        read -r state new word <"effect$oid.$value"
        read -r old <"value$state"
        [ "$word" = on ] && [ "$old" != "$new" ] && echo on >>starts
        echo "$new" >"value$state"
        echo DONE
      elif [ -f "locked$oid" ]; then echo DONE
      elif [ -f "value$oid" ]; then echo wrong-value
      else echo not-writable; fi ;;
    # An order ends with an empty line.
  esac
done
`

export type Place = Readonly<{ unit: number; feed: number; outlet: number }>

/** Debian's snmpd with a table of outlets that is a folder. */
export class Strip {
  readonly #dir = mkdtempSync(join(tmpdir(), 'rv-snmp-'))
  #daemon: ChildProcess | undefined
  port = 0

  async start(): Promise<void> {
    const script = join(this.#dir, 'outlets')
    writeFileSync(script, SCRIPT)
    chmodSync(script, 0o755)
    mkdirSync(join(this.#dir, 'persistent'))
    this.port = await freeUdpPort()
    const { community, reader, user, auth, priv } = STRIP
    const lines = [
      `agentAddress udp:127.0.0.1:${this.port}`,
      `rwcommunity ${community}`,
      `rocommunity ${reader}`,
      `createUser ${user} SHA "${auth}" AES "${priv}"`,
      `createUser ${user}256 SHA-256 "${auth}" AES "${priv}"`,
      `createUser ${user}plain MD5 "${auth}"`,
      `rwuser ${user} priv`,
      `rwuser ${user}256 priv`,
      `rwuser ${user}plain auth`,
      `pass_persist .1.3.6.1.4.1 ${script}`,
    ]
    writeFileSync(join(this.#dir, 'snmpd.conf'), `${lines.join('\n')}\n`)
    const env = { ...process.env, SNMP_PERSISTENT_DIR: join(this.#dir, 'persistent'), MIBS: '' }
    const daemon = spawn(
      '/usr/sbin/snmpd',
      ['-f', '-Le', '-I', '-smux', '-C', '-c', join(this.#dir, 'snmpd.conf'), '-p', join(this.#dir, 'pid')],
      {
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    )
    this.#daemon = daemon
    let said = ''
    await new Promise<void>((resolve, reject) => {
      daemon.stderr!.on('data', (text) => {
        said += text
        if (said.includes('NET-SNMP version')) resolve()
      })
      daemon.once('exit', (code) => reject(new Error(`snmpd ended with ${code}: ${said}`)))
    })
  }

  async stop(): Promise<void> {
    const daemon = this.#daemon
    if (daemon && daemon.exitCode === null) {
      const ended = once(daemon, 'exit')
      daemon.kill('SIGTERM')
      await ended
    }
    rmSync(this.#dir, { recursive: true, force: true })
  }

  /** Wires an outlet as its model has it, and forgets what was. */
  wire(model: OutletModel, at: Place): void {
    const state = `.${outletOid(model.state.oid, at)}`
    for (const word of ['on', 'off'] as const) {
      const { oid, value } = model.control[word]
      this.#write(`effect.${outletOid(oid, at)}.${value}`, `${state} ${model.state[word][0]} ${word}`)
      // What is only written can be read on most strips, too.
      if (!existsSync(this.#path(`value.${outletOid(oid, at)}`))) this.#write(`value.${outletOid(oid, at)}`, '-1')
    }
    for (const file of ['starts', 'orders']) rmSync(this.#path(file), { force: true })
    this.set(model, at, false)
  }

  /** It takes orders and does nothing. */
  lock(model: OutletModel, at: Place): void {
    for (const word of ['on', 'off'] as const) {
      const { oid, value } = model.control[word]
      rmSync(this.#path(`effect.${outletOid(oid, at)}.${value}`))
      this.#write(`locked.${outletOid(oid, at)}`, '')
    }
  }

  unlock(model: OutletModel, at: Place): void {
    for (const word of ['on', 'off'] as const)
      rmSync(this.#path(`locked.${outletOid(model.control[word].oid, at)}`), { force: true })
    this.wire(model, at)
  }

  set(model: OutletModel, at: Place, on: boolean): void {
    this.put(outletOid(model.state.oid, at), (on ? model.state.on : model.state.off)[0]!)
  }

  put(oid: string, value: number): void {
    this.#write(`value.${oid}`, String(value))
  }

  isOn(model: OutletModel, at: Place): boolean {
    const value = readFileSync(this.#path(`value.${outletOid(model.state.oid, at)}`), 'utf8').trim()
    return model.state.on.includes(Number(value))
  }

  get starts(): number {
    return this.#lines('starts').length
  }

  /** OID and value of each order. */
  get orders(): string[] {
    return this.#lines('orders')
  }

  #lines(file: string): string[] {
    return existsSync(this.#path(file)) ? readFileSync(this.#path(file), 'utf8').trim().split('\n') : []
  }

  #write(file: string, text: string): void {
    writeFileSync(this.#path(file), `${text}\n`)
  }

  #path(file: string): string {
    return join(this.#dir, file)
  }
}
