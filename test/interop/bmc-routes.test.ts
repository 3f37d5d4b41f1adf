import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Bmc } from '../../src/api/contract/bmcs.ts'
import { freeTcpPort } from '../e2e/bed/free-port.ts'
import { Server } from '../e2e/bed/server.ts'
import { until } from '../e2e/bed/until.ts'
import { IpmiBed } from './ipmi-bed.ts'

/**
 * The picture of seed 001 with everything real but the machine: clients speak IPMI to the server, which sends a clean shutdown to
 * Debian's sshd, a hard one to an API shaped as that of Equinix Metal, and the console to a BMC behind. Programs that would end
 * this computer are stand-ins that come first in the PATH of that sshd.
 */
const run = promisify(execFile)
const STAND_INS = ['systemctl', 'shutdown', 'poweroff', 'reboot', 'halt']

let dir: string
let daemon: ChildProcess | undefined
let behind: IpmiBed
let server: Server
let told: { bmc: Bmc; user: string; password: string }
const cloud = { calls: [] as string[], state: 'active', broken: false }
const api = createServer((request, response) => {
  let body = ''
  request.on('data', (piece) => {
    body += piece
  })
  request.on('end', () => {
    if (request.method === 'POST') cloud.calls.push(`${request.url} ${body} ${request.headers['x-auth-token']}`)
    if (request.method === 'POST' && !cloud.broken) cloud.state = body.includes('power_off') ? 'inactive' : 'active'
    response.writeHead(cloud.broken ? 503 : request.method === 'POST' ? 202 : 200, {
      'content-type': 'application/json',
    })
    response.end(request.method === 'POST' ? '' : JSON.stringify({ state: cloud.state }))
  })
})

const file = (name: string) => join(dir, name)
const orders = () => (existsSync(file('orders')) ? readFileSync(file('orders'), 'utf8') : '')

async function startSshd(port: number): Promise<void> {
  mkdirSync(file('bin'))
  mkdirSync('/run/sshd', { recursive: true })
  for (const name of ['user', 'host'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file(name)])
  writeFileSync(file('authorized_keys'), readFileSync(file('user.pub')))
  for (const name of STAND_INS) {
    writeFileSync(join(dir, 'bin', name), `#!/bin/sh\necho "${name} $*" >>${file('orders')}\n`)
    chmodSync(join(dir, 'bin', name), 0o755)
  }
  const lines = [
    ...[`HostKey ${file('host')}`, `AuthorizedKeysFile ${file('authorized_keys')}`, `PidFile ${file('pid')}`],
    ...['ListenAddress 127.0.0.1', 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no'],
    ...['KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password'],
    `SetEnv PATH=${file('bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
  ]
  writeFileSync(file('sshd_config'), lines.join('\n'))
  daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', file('sshd_config'), '-p', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  daemon.stderr!.on('data', (text) => {
    said += text
  })
  await until('sshd listens', 20_000, () => (said.includes('Server listening') ? true : undefined))
  // A login must find the stand-ins, or this test would switch this computer off.
  const login = [
    '-p',
    String(port),
    '-i',
    file('user'),
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
  ]
  const look = `for each in ${STAND_INS.join(' ')}; do command -v $each; done`
  const { stdout } = await run('ssh', [...login, `${userInfo().username}@127.0.0.1`, look])
  expect(stdout.trim().split('\n')).toEqual(STAND_INS.map((name) => join(dir, 'bin', name)))
}

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'rv-bmc-routes-'))
  const sshPort = await freeTcpPort()
  await startSshd(sshPort)
  behind = await IpmiBed.start()
  api.listen(0, '127.0.0.1')
  await once(api, 'listening')
  const port = await freeTcpPort()
  server = await Server.make({
    http: { listen: `127.0.0.1:${port}` },
    gateway: { host: '127.0.0.1', ports: `${port}-${port}` },
    power: { pollSeconds: 0 },
  })
  await server.api('POST', '/machines', { name: 'web1', macs: ['52:54:00:aa:00:01'] })
  const put = (name: string, settings: object, secrets: object) =>
    server.api('PUT', `/machines/web1/power/drivers/${name}`, { settings, secrets })
  const { username } = userInfo()
  const privateKey = readFileSync(file('user'), 'utf8')
  await put('os', { kind: 'ssh', address: '127.0.0.1', port: sshPort, user: username }, { privateKey })
  await put('bmc', { kind: 'ipmi', address: '127.0.0.1', port: behind.port, user: 'admin' }, { password: 'secret' })
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  await put(
    'cloud',
    { kind: 'http', url, preset: 'equinix-metal', variables: { device: 'd-1' } },
    { token: 'of-the-cloud' },
  )
  const routes = { 'power.soft': 'os', console: 'bmc', 'power.hard': 'cloud', sensors: 'bmc' }
  told = await server.api('POST', '/bmcs', { machine: 'web1', routes })
})
afterAll(async () => {
  await server?.remove()
  await behind?.stop()
  api.close()
  daemon?.kill()
  rmSync(dir, { recursive: true, force: true })
})

const login = () => [
  '-I',
  'lanplus',
  '-H',
  '127.0.0.1',
  '-p',
  String(told.bmc.port),
  '-U',
  told.user,
  '-P',
  told.password,
]
const ipmitool = async (...words: string[]) => (await run('ipmitool', [...login(), ...words])).stdout

test('a soft shutdown goes to the system by SSH, and to nothing else', async () => {
  expect(await ipmitool('power', 'soft')).toContain('Soft')
  await until('the system was told', 20_000, () => (/poweroff|shutdown/.test(orders()) ? true : undefined))
  expect(cloud.calls).toEqual([])
  expect(behind.bmc.calls.join()).not.toContain('perform')
})

test('hard power and its state are those of the cloud', async () => {
  expect(await ipmitool('power', 'status')).toContain('is on')
  expect(await ipmitool('power', 'off')).toContain('Down/Off')
  expect(cloud.calls).toEqual(['/devices/d-1/actions {"type":"power_off"} of-the-cloud'])
  expect(await ipmitool('power', 'status')).toContain('is off')
  expect(behind.bmc.calls.join()).not.toContain('perform')
})

test('the console is that of the BMC behind, and what is typed comes back from it', async () => {
  const words = ['ipmitool', ...login(), 'sol', 'activate'].join(' ')
  const typed = `(sleep 2; printf 'hello behind'; sleep 2; printf '\\r~.') | script -qec "${words}" /dev/null`
  const { stdout } = await run('bash', ['-c', typed])
  expect(stdout).toContain('hello behind')
  expect(behind.bmc.lines.map((line) => line.typed).join()).toContain('hello behind')
})

test('sensors are those of the BMC behind', async () => {
  expect(await ipmitool('sdr', 'list')).toMatch(/CPU Temp\s+\| 47 degrees C/)
})

test('a back end that fails is an error with a cause, never silence; each of its commands is explained', async () => {
  cloud.broken = true
  await expect(ipmitool('power', 'on')).rejects.toThrow()
  const { items } = await server.api<{ items: { text: string }[] }>('GET', '/bmcs/web1/events')
  expect(items.at(-1)?.text).toMatch(/power on by admin \(IPMI from 127\.0\.0\.1\) failed: .*cloud.*503/)
  const targets: string[] = []
  for (const command of ['power soft', 'sol activate', 'power off', 'sdr list', 'fru']) {
    const said = await server.api<{ target: string }>(
      'GET',
      `/bmcs/web1/explain?command=${encodeURIComponent(command)}`,
    )
    targets.push(said.target)
  }
  expect(targets).toEqual(['os', 'bmc', 'cloud', 'bmc', 'reveille'])
  const log = await server.api<object>('GET', '/audit')
  for (const secret of [told.password, 'of-the-cloud'])
    expect(server.output + JSON.stringify(log)).not.toContain(secret)
})
