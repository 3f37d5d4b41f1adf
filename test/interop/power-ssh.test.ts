import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { sshConnector } from '../../src/guests/drivers/ssh-connection.ts'
import { sshFactory } from '../../src/power/drivers/ssh/ssh.ts'
import { DriverSettings } from '../../src/power/settings.ts'
import { MACHINE, secretsOf } from '../conformance/power-beds/computer.ts'
import { describePowerDriver } from '../conformance/power-driver-suite.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'

/**
 * The SSH driver against Debian's sshd on the loopback, with a configuration, keys and a port of its own. Programs that would end
 * this computer, or ask its BMC, are stand-ins that come first in the PATH of that sshd.
 */
let dir: string
let port = 0
let daemon: ChildProcess | undefined
const user = userInfo().username

const file = (name: string) => join(dir, name)
const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), 'utf8') : '')
const count = (name: string) => read(name).split('\n').length - 1

function newKey(name: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(name)])
  return file(name)
}

function program(name: string, script: string): void {
  writeFileSync(join(dir, 'bin', name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(dir, 'bin', name), 0o755)
}

async function start(hostKey = file('host')): Promise<void> {
  const lines = [
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${file('authorized_keys')}`,
    `PidFile ${file('pid')}`,
    'ListenAddress 127.0.0.1',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    `SetEnv PATH=${join(dir, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
  ]
  writeFileSync(file('sshd_config'), lines.join('\n'))
  const started = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config'), '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  daemon = started
  let said = ''
  await new Promise<void>((resolve, reject) => {
    started.stderr!.on('data', (text) => {
      said += text
      if (said.includes('Server listening')) resolve()
    })
    started.once('exit', (code) => reject(new Error(`sshd ended with ${code}: ${said}`)))
  })
}

async function stop(): Promise<void> {
  const running = daemon
  daemon = undefined
  if (!running || running.exitCode !== null) return
  const ended = once(running, 'exit')
  running.kill('SIGTERM')
  await ended
}

function driver(more: Record<string, unknown> = {}, key = 'user', pin?: (hostKey: string) => Promise<void>) {
  const settings = { kind: 'ssh', address: '127.0.0.1', port, user, consoleCommand: 'cat', ipmitool: true, ...more }
  const secrets = secretsOf({ privateKey: readFileSync(file(key), 'utf8') })
  return sshFactory(sshConnector)(DriverSettings.parse(settings), secrets, { ...MACHINE, ...(pin ? { pin } : {}) })
}

/** A BMC that keeps the flags of boot options, and knows nothing else. */
const IPMITOOL = `
echo "$*" >>DIR/asked
case "$*" in
  "-l 0 raw 0x00 0x08 0x05 "*) shift 6; echo "$*" | sed 's/0x//g' >DIR/flags; echo ;;
  "-l 0 raw 0x00 0x09 0x05 0x00 0x00") echo " 01 05 $(cat DIR/flags 2>/dev/null || echo 00 00 00 00 00)" ;;
  "-l 0 raw 0x06 0x01") printf ' 20 01 01 02 02 bf 00 00 00 00 00 00\\n 00 00 00\\n' ;;
  "-l 2 raw 0x2e 0x01 0xff") echo ' 7f' ;;
  *) echo 'Unable to send RAW command (channel=0x0 netfn=0x6 lun=0x0 cmd=0x99 rsp=0xc1): Invalid command' >&2; exit 1 ;;
esac`

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rv-power-ssh-'))
  mkdirSync(join(dir, 'bin'))
  mkdirSync('/run/sshd', { recursive: true })
  writeFileSync(file('authorized_keys'), readFileSync(`${newKey('user')}.pub`))
  for (const name of ['stranger', 'host', 'other-host']) newKey(name)
  const order = `case "$*" in *poweroff*|*-h*) echo off >>${file('softs')} ;; *) echo on >>${file('starts')} ;; esac`
  for (const name of ['systemctl', 'shutdown']) program(name, order)
  program('ipmitool', IPMITOOL.replaceAll('DIR', dir))
  port = await freeTcpPort()
  await start()
  await assertStandIns()
})
afterAll(async () => {
  await stop()
  rmSync(dir, { recursive: true, force: true })
})

/** A login must find the stand-ins, or these tests would switch this computer off. */
async function assertStandIns(): Promise<void> {
  const privateKey = secretsOf({ privateKey: readFileSync(file('user'), 'utf8') }).privateKey!
  const secret = { password: null, privateKey }
  const connection = await sshConnector.connect({ address: '127.0.0.1', port, user, hostKey: null, secret })
  const names = ['systemctl', 'shutdown', 'ipmitool']
  const { stdout } = await connection.run(`sh -c 'for each in ${names.join(' ')}; do command -v $each; done'`)
  connection.close()
  expect(stdout.trim().split('\n')).toEqual(names.map((name) => join(dir, 'bin', name)))
}

describePowerDriver('ssh', () => ({
  driver: () => driver(),
  capabilities: ['state', 'cycle', 'soft', 'sensors', 'fru', 'console', 'raw', 'boot-device'],
  deeds: () => ({ on: daemon !== undefined, starts: count('starts'), resets: 0, softs: count('softs'), interrupts: 0 }),
  set: async (on) => {
    await stop()
    if (on) await start()
  },
  whileOff: 'refused',
  stranger: () => driver({}, 'stranger'),
  unreachable: () => driver({ port: 1 }),
  secrets: [readFileSync(file('user'), 'utf8').split('\n')[1]!],
  withoutFru: !existsSync('/sys/class/dmi/id'),
  echoes: true,
  boot: {
    can: 'pxe',
    cannot: 'media',
    // Valid, persistent and UEFI; the selector of PXE is 1, in bits 5 to 2 (IPMI 2.0 table 28-14).
    seen: () => (read('flags').startsWith('e0 04') ? 'pxe' : read('flags')),
  },
  close: () => undefined,
}))

describe("Debian's sshd", () => {
  afterEach(async () => {
    await stop()
    await start()
  })

  test('shows its host key once, which is kept, and another one is refused from then on', async () => {
    await stop()
    await start()
    const pinned: string[] = []
    const ssh = driver({}, 'user', async (hostKey) => void pinned.push(hostKey))
    await ssh.probe()
    await ssh.probe()
    expect(pinned).toEqual([
      execFileSync('ssh-keygen', ['-lf', `${file('host')}.pub`], { encoding: 'utf8' }).split(' ')[1],
    ])
    await stop()
    await start(file('other-host'))
    for (const again of [ssh, driver({ hostKey: pinned[0] })])
      await expect(again.state!()).rejects.toMatchObject({
        code: 'wrong-credentials',
        message: expect.stringContaining(`but ${pinned[0]} was expected`),
      })
  })

  test('passes IPMI on through the ipmitool of the machine', async () => {
    const ssh = driver()
    const ask = (netFn: number, command: number, data: number[] = [], lun = 0) =>
      ssh.raw!({ netFn, lun, command, data: Uint8Array.from(data) })
    const id = await ask(6, 1)
    expect(id.completionCode).toBe(0)
    expect([...id.data]).toEqual([0x20, 1, 1, 2, 2, 0xbf, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(await ask(6, 0x99)).toEqual({ completionCode: 0xc1, data: new Uint8Array() })
    expect(await ask(0x2e, 1, [0xff], 2)).toEqual({ completionCode: 0, data: Uint8Array.of(0x7f) })
    await ssh.setBootOrder!({ device: 'disk', persistent: false, efi: false })
    expect(await ssh.bootOrder!()).toEqual({ device: 'disk', persistent: false, efi: false })
    await ssh.setBootOrder!(null)
    expect(await ssh.bootOrder!()).toBeNull()
  })

  test('whose machine has no ipmitool, or no BMC, says so', async () => {
    program('ipmitool', 'echo "Could not open device at /dev/ipmi0" >&2; exit 1')
    await expect(driver().raw!({ netFn: 6, lun: 0, command: 1, data: new Uint8Array() })).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('Could not open device at /dev/ipmi0'),
      next: expect.stringContaining('ipmitool'),
    })
    program('ipmitool', IPMITOOL.replaceAll('DIR', dir))
  })

  test('gives a real terminal, and the end of its program is told', async () => {
    const line = await driver({ consoleCommand: 'tty; stty size; read x; echo got $x; exit 3' }).openConsole!()
    let said = ''
    const end = new Promise<string>((resolve) => {
      line.listen((bytes) => {
        said += Buffer.from(bytes).toString('latin1')
      }, resolve)
    })
    line.write(new TextEncoder().encode('hello\r'))
    expect(await end).toBe('its program ended with status 3')
    expect(said).toMatch(/\/dev\/pts\/\d+\r\n24 80\r\n[\s\S]*got hello/)
  })

  test('whose machine is lost while its console is open ends the console', async () => {
    const line = await driver({ consoleCommand: 'echo ready; kill -9 $(cut -d" " -f4 /proc/$$/stat); sleep 9' })
      .openConsole!()
    const end = new Promise<string>((resolve) => line.listen(() => undefined, resolve))
    expect(await end).toMatch(/lost|ended/)
  })

  test('that refuses the order says what the system said', async () => {
    for (const name of ['systemctl', 'shutdown']) program(name, 'echo "Operation inhibited by alice" >&2; exit 1')
    await expect(driver().perform('soft')).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('did not end: Operation inhibited by alice'),
    })
  })
})
