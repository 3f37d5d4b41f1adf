import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** Port 623 has its place only in a network of its own. */
const NAMESPACE = `rv-ipmi-${process.pid}`
const inside = (command: string, ...args: string[]) => ['netns', 'exec', NAMESPACE, command, ...args]
let server: ChildProcess

/** What a program of a client says, whether it likes the answer or not. */
function run(command: string, ...args: string[]): string {
  try {
    return execFileSync('ip', inside(command, ...args), { encoding: 'utf8', timeout: 60_000, stdio: 'pipe' })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
}

const ipmitool = (host: string, port: number, user: string, ...args: string[]) =>
  run('ipmitool', ...['-I', 'lanplus', '-N', '2', '-H', host, '-p', String(port), '-U', user, '-P', 'secret'], ...args)

/** Python of Debian, which knows the module; a program of pyghmi's own that asks one thing does not exist. */
const pyghmi = (body: string) =>
  run(
    '/usr/bin/python3',
    '-c',
    `from pyghmi.ipmi import command, console\nfrom pyghmi.ipmi.private import session\n${body}`,
  )

beforeAll(async () => {
  execFileSync('ip', ['netns', 'add', NAMESPACE])
  for (const args of ['link set lo up', 'addr add 10.9.9.1/32 dev lo', 'addr add 10.9.9.2/32 dev lo'])
    execFileSync('ip', ['-n', NAMESPACE, ...args.split(' ')])
  server = spawn('ip', inside(process.execPath, 'test/interop/ipmi-host.ts'), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(server.stdout!, 'data')
  const listening = { listening: true, problem: '' }
  expect(JSON.parse(String(said))).toEqual([listening, listening])
})

afterAll(() => {
  server?.kill()
  execFileSync('ip', ['netns', 'del', NAMESPACE])
})

test('a BMC with an address of its own is found at port 623 by pings of both kinds', () => {
  expect(run('rmcpping', '-c', '1', '10.9.9.1')).toContain('1 pongs received')
  expect(run('ipmiping', '-c', '1', '10.9.9.1')).toContain('1 responses received')
  expect(run('ipmiping', '-r', '2.0', '-c', '1', '10.9.9.1')).toContain('1 responses received')
  expect(ipmitool('10.9.9.1', 623, 'admin', 'power', 'status')).toBe('Chassis Power is on\n')
})

test('the shared port of all addresses stands beside it, and finds each BMC by NAME@MACHINE', () => {
  expect(ipmitool('10.9.9.2', 623, 'admin@own', 'power', 'off')).toContain('Down/Off')
  expect(ipmitool('10.9.9.1', 623, 'admin', 'power', 'status')).toBe('Chassis Power is off\n')
  expect(ipmitool('10.9.9.2', 623, 'admin@port', 'power', 'status')).toBe('Chassis Power is on\n')
  expect(ipmitool('10.9.9.2', 6230, 'admin', 'power', 'status')).toBe('Chassis Power is on\n')
  // Both have this name: nobody can tell whose it is.
  expect(ipmitool('10.9.9.2', 623, 'admin', 'power', 'status')).toContain('Unable to establish')
})

test('who is not on the list of clients is not answered', () => {
  expect(run('rmcpping', '-c', '1', '127.0.0.1')).toContain('0 pongs received')
})

test('pyghmi, of xCAT and OpenStack, switches, orders what to boot from, and types on the console', () => {
  const said = pyghmi(
    [
      "c = command.Command('10.9.9.1', 'admin', 'secret')",
      "print(c.set_power('on', wait=True), c.set_bootdev('network'), c.get_bootdev()['bootdev'], c.get_power())",
      'c.ipmi_session.logout()',
    ].join('\n'),
  )
  expect(said).toContain("{'powerstate': 'on'} {'bootdev': 'network'} network {'powerstate': 'on'}")
  const typed = pyghmi(
    [
      'got = []',
      "c = console.Console('10.9.9.1', 'admin', 'secret', iohandler=got.append)",
      'while not c.connected: session.Session.wait_for_rsp(1)',
      "c.send_data('hello from python\\r')",
      'while not any(isinstance(piece, bytes) and piece.endswith(b"\\r") for piece in got): session.Session.wait_for_rsp(1)',
      'print(got)',
    ].join('\n'),
  )
  expect(typed).toContain('hello from python')
})

test('pyghmi is told the same of a wrong password and of a user that does not exist', () => {
  const attempt = (user: string) =>
    `try:\n  command.Command('10.9.9.1', '${user}', 'wrong')\nexcept Exception as e: print(e)\n`
  expect(pyghmi(attempt('admin') + attempt('nobody'))).toBe('Incorrect password provided\n'.repeat(2))
})

test('the client of OpenIPMI asks what the BMC is', () => {
  const lan = ['lan', '-U', 'admin', '-P', 'secret', '-Ra', 'rakp_hmac_sha1']
  // System interface address 0Fh, group 06h plus one, Get Device ID, done, device 20h.
  expect(run('openipmicmd', '-k', '0f 00 06 01', ...lan, '10.9.9.1')).toContain('0f 07 00 01 00 20')
})
