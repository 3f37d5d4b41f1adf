import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sshConnector } from '../../src/guests/drivers/ssh-connection.ts'
import type { SealedAccess } from '../../src/guests/guest.ts'
import { Guests } from '../../src/guests/guests.ts'
import { guestSealer } from '../../src/guests/seal.ts'
import { Secret } from '../../src/kit/secret.ts'
import type { Machine } from '../../src/machines/machine.ts'
import { aesGcmSealer } from '../../src/secrets/drivers/aes-gcm.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'

/**
 * Guest control against Debian's sshd on the loopback, with a configuration, keys and a port of its own, and with stand-ins for the two
 * programs that would change this computer (`chpasswd`, `systemctl`). Logins by password are tested in the unit test, against the server
 * of the ssh2 package: here they would need a user with a password on this computer.
 */
let dir: string
let port: number
let daemon: ChildProcess | undefined
let key: string

const machine = { id: 'm_ssh', name: 'this-computer', macs: [] } as unknown as Machine

async function startDaemon(hostKey: string): Promise<void> {
  writeFileSync(
    join(dir, 'sshd_config'),
    [
      `HostKey ${hostKey}`,
      `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
      `PidFile ${join(dir, 'pid')}`,
      'ListenAddress 127.0.0.1',
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'PermitRootLogin prohibit-password',
      // The stand-ins come first; everything else is what the computer has.
      `SetEnv PATH=${join(dir, 'bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    ].join('\n'),
  )
  daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(dir, 'sshd_config'), '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  await new Promise<void>((resolve, reject) => {
    daemon!.stderr!.on('data', (text) => {
      said += text
      if (said.includes('Server listening')) resolve()
    })
    daemon!.once('exit', (code) => reject(new Error(`sshd ended with ${code}: ${said}`)))
  })
}

async function stopDaemon(): Promise<void> {
  if (!daemon || daemon.exitCode !== null) return
  const ended = once(daemon, 'exit')
  daemon.kill('SIGTERM')
  await ended
}

function program(name: string, script: string): void {
  const path = join(dir, 'bin', name)
  writeFileSync(path, `#!/bin/sh\n${script}\n`)
  chmodSync(path, 0o755)
}

function newKey(name: string): string {
  const path = join(dir, name)
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path])
  return path
}

function fingerprintOf(path: string): string {
  return execFileSync('ssh-keygen', ['-l', '-f', `${path}.pub`], { encoding: 'utf8' }).split(' ')[1]!
}

let kept: SealedAccess[] = []
function openGuests(): Promise<Guests> {
  return Guests.open({
    repository: {
      all: async () => kept,
      async save(access) {
        kept = [access]
      },
      async remove() {
        kept = []
      },
    },
    sealer: guestSealer(aesGcmSealer(new Uint8Array(32).fill(1), 'guest-key')),
    connector: sshConnector,
    addressOf: () => '127.0.0.1',
    base64: (text, encoding) => Buffer.from(text, encoding).toString('base64'),
  })
}
let guests: Guests

/** A login must find the stand-ins, or these tests would reboot this computer. */
async function assertStandIns(): Promise<void> {
  const secret = { password: null, privateKey: new Secret(readFileSync(key, 'utf8')) }
  const target = { address: '127.0.0.1', port, user: userInfo().username, hostKey: null, secret }
  const connection = await sshConnector.connect(target)
  try {
    const { stdout } = await connection.run(
      "sh -c 'for each in chpasswd systemctl shutdown; do command -v $each; done'",
    )
    const found = stdout.trim().split('\n')
    expect(found).toEqual(['chpasswd', 'systemctl', 'shutdown'].map((name) => join(dir, 'bin', name)))
  } finally {
    connection.close()
  }
}

async function setAccess(privateKey = readFileSync(key, 'utf8'), hostKey: string | null = null) {
  await guests.setAccess(machine, { user: userInfo().username, port, password: null, privateKey, hostKey }, 'test')
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rv-sshd-'))
  execFileSync('mkdir', ['-p', join(dir, 'bin'), '/run/sshd'])
  key = newKey('user')
  newKey('host')
  writeFileSync(join(dir, 'authorized_keys'), readFileSync(`${key}.pub`))
  program('chpasswd', `cat >${dir}/chpasswd.in; tr '\\0' ' ' </proc/$$/cmdline >${dir}/chpasswd.line`)
  for (const name of ['systemctl', 'shutdown']) program(name, `echo "$0 $*" >${dir}/order`)
  port = await freeTcpPort()
  await startDaemon(join(dir, 'host'))
  guests = await openGuests()
  await assertStandIns()
})
afterAll(async () => {
  await stopDaemon()
  rmSync(dir, { recursive: true, force: true })
})

describe("Debian's sshd", () => {
  test('tells who it is, and its host key is learnt and kept', async () => {
    await setAccess()
    const facts = await guests.facts(machine)
    expect(facts.hostname).toBe(hostname())
    expect(facts.os).toMatch(/Debian/)
    expect(facts.kernel).toMatch(/^Linux \d/)
    expect(facts.uptimeSeconds).toBeGreaterThan(0)
    expect(guests.accessOf(machine.id)?.hostKey).toBe(fingerprintOf(join(dir, 'host')))
    guests = await openGuests()
    expect((await guests.facts(machine)).hostname).toBe(hostname())
  })

  test('takes a password through chpasswd, on its input alone', async () => {
    await setAccess()
    await guests.setPassword(machine, 'alice', new Secret('pa:ss "wörd" $HOME'))
    expect(readFileSync(join(dir, 'chpasswd.in'), 'utf8')).toBe('alice:pa:ss "wörd" $HOME\n')
    expect(readFileSync(join(dir, 'chpasswd.line'), 'utf8')).not.toContain('alice')
  })

  test('says why it did not', async () => {
    program('chpasswd', 'echo "chpasswd: (user alice) pam_chauthtok() failed" >&2; exit 1')
    await expect(guests.setPassword(machine, 'alice', new Secret('x'))).rejects.toThrow(
      'did not set the password of alice: chpasswd: (user alice) pam_chauthtok() failed',
    )
  })

  test('takes the order to reboot and to power off', async () => {
    const systemd = existsSync('/run/systemd/system')
    await guests.reboot(machine, false)
    expect(readFileSync(join(dir, 'order'), 'utf8')).toContain(
      systemd ? 'systemctl --no-block reboot' : 'shutdown -r now',
    )
    await guests.reboot(machine, true)
    expect(readFileSync(join(dir, 'order'), 'utf8')).toContain(
      systemd ? 'systemctl --no-block poweroff' : 'shutdown -h now',
    )
  })

  test('that dies while it reboots did reboot if it had accepted, and not otherwise', async () => {
    // The parent of the shell is the process of this connection alone.
    const cut = 'kill -9 $(cut -d" " -f4 /proc/$PPID/stat)'
    for (const name of ['systemctl', 'shutdown']) program(name, `${cut}; sleep 5`)
    await expect(guests.reboot(machine, false)).rejects.toThrow('was lost before it said that it would reboot')
    for (const name of ['systemctl', 'shutdown']) program(name, `(sleep 0.5; ${cut}) & exit 0`)
    await guests.reboot(machine, false)
  })

  test('refuses a key that it does not know', async () => {
    const stranger = newKey('stranger')
    await setAccess(readFileSync(stranger, 'utf8'))
    await expect(guests.facts(machine)).rejects.toThrow(/refused the login of .*: wrong password or key/)
  })

  test('with another host key is refused, naming both, until the new one is accepted', async () => {
    await setAccess()
    await guests.facts(machine)
    const other = newKey('other-host')
    await stopDaemon()
    await startDaemon(other)
    const failure = guests.facts(machine)
    await expect(failure).rejects.toThrow(fingerprintOf(other))
    await expect(failure).rejects.toThrow(fingerprintOf(join(dir, 'host')))
    await setAccess(readFileSync(key, 'utf8'), fingerprintOf(other))
    expect((await guests.facts(machine)).hostname).toBe(hostname())
  })

  test('that is not there is refused', async () => {
    await stopDaemon()
    await expect(guests.facts(machine)).rejects.toThrow('the connection was refused')
  })
})
