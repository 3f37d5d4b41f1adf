import { execFileSync, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOrFail } from '../../src/processes/run.ts'
import { inTurn } from '../e2e/bed/in-turn.ts'

/** The Debian package in a bare Debian 12: built, installed, run as its own user, upgraded, removed and purged. The tests follow each other. */
const CACHE = '.cache/debian-12'
const MAKE_MS = 10 * 60_000
/** A package that is there already, for work on the tests. */
const GIVEN = process.env.REVEILLE_TEST_DEB
const CAPABILITIES = '+net_bind_service,+net_raw,+net_admin'

let root: string
let packageFile: string

/** Debian without anything that is not essential, and what the package depends on. */
async function bareDebian(): Promise<string> {
  return inTurn(CACHE, async () => {
    const tar = join(CACHE, `${process.arch}-2.tar`)
    if (await stat(tar).catch(() => undefined)) return tar
    await mkdir(CACHE, { recursive: true })
    const without = ['man', 'locale', 'info'].map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`)
    const include = '--include=libstdc++6'
    await runOrFail(
      'mmdebstrap',
      ['--variant=minbase', include, ...without, 'bookworm', `${tar}.part`, '--format=tar'],
      {
        timeoutMs: MAKE_MS,
      },
    )
    await rename(`${tar}.part`, tar)
    return tar
  })
}

function inside(...words: string[]): SpawnSyncReturns<string> {
  return spawnSync('chroot', [root, ...words], {
    encoding: 'utf8',
    timeout: 180_000,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' },
  })
}

function done(...words: string[]): string {
  const { status, stdout, stderr, error } = inside(...words)
  if (status !== 0) throw new Error(`${words.join(' ')}: ${error ?? status}\n${stdout}${stderr}`)
  return stdout + stderr
}

beforeAll(async () => {
  packageFile = GIVEN ?? 'dist/deb/reveille.deb'
  if (GIVEN === undefined) execFileSync('node_modules/.bin/node', ['scripts/build-deb.ts'], { stdio: 'inherit' })
  const tar = await bareDebian()
  mkdirSync('.cache', { recursive: true })
  root = mkdtempSync(join(process.cwd(), '.cache/deb-test-'))
  chmodSync(root, 0o755)
  execFileSync('tar', ['-xf', tar, '-C', root, '--exclude=./dev/*'])
  for (const [name, major, minor] of [
    ['null', 1, 3],
    ['zero', 1, 5],
    ['random', 1, 8],
    ['urandom', 1, 9],
  ] as const)
    execFileSync('mknod', ['-m', '666', join(root, 'dev', name), 'c', String(major), String(minor)])
  copyFileSync(packageFile, join(root, 'reveille.deb'))
})

afterAll(() => {
  if (root) rmSync(root, { recursive: true, force: true })
})

test.skipIf(GIVEN !== undefined)('two builds of the same sources are the same bytes', () => {
  const first = readFileSync(packageFile)
  execFileSync('node_modules/.bin/node', ['scripts/build-deb.ts'], { stdio: 'inherit' })
  expect(readFileSync(packageFile).equals(first)).toBe(true)
})

test('installs into a bare system, with a user, settings and a data directory of its own', () => {
  done('dpkg', '-i', '/reveille.deb')
  expect(done('getent', 'passwd', 'reveille')).toMatch(/:\/var\/lib\/reveille:\/usr\/sbin\/nologin/)
  expect(statSync(join(root, 'var/lib/reveille')).mode & 0o777).toBe(0o710)
  expect(statSync(join(root, 'etc/reveille/reveille.yaml')).mode & 0o777).toBe(0o640)
  expect(done('dpkg', '--verify', 'reveille')).toBe('')
  const foreign = spawnSync('find', [join(root, 'usr/lib/reveille'), '!', '-user', 'root'], { encoding: 'utf8' }).stdout
  expect(foreign).toBe('')
})

test('runs with its own Node, and the doctor names what is missing', () => {
  expect(done('reveille', '--version')).toMatch(/^\d+\.\d+\.\d+\n$/)
  const { stdout } = inside('reveille', 'doctor', '--json')
  const checks = (JSON.parse(stdout) as { check: string }[]).map(({ check }) => check)
  expect(checks.length).toBeGreaterThan(3)
})

test('the unit is understood by systemd, and leaves little that an intruder could do', () => {
  const unit = join(root, 'usr/lib/systemd/system/reveille.service')
  const verified = spawnSync('systemd-analyze', ['verify', '--man=no', `--root=${root}`, unit], { encoding: 'utf8' })
  if (verified.error) return
  // A bare system has no units to come after.
  const complaints = (verified.stdout + verified.stderr).split('\n').filter((line) => line.includes('reveille.service'))
  expect(complaints.filter((line) => !/Failed to (add|load)|not found/.test(line))).toEqual([])
  const offline = ['security', '--offline=true', '--no-pager', unit]
  const security = spawnSync('systemd-analyze', offline, { encoding: 'utf8' })
  const score = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(security.stdout)?.[1] ?? 10)
  expect(score, security.stdout).toBeLessThan(5)
})

/** Runs the unit's own command as its user with its capabilities, in a network of its own; `work` may ask it. */
async function served(work: (run: (...words: string[]) => string) => Promise<void>): Promise<void> {
  const unit = readFileSync(join(root, 'usr/lib/systemd/system/reveille.service'), 'utf8')
  const command = /^ExecStart=(.+)$/m.exec(unit)![1]!
  expect(/^AmbientCapabilities=(.+)$/m.exec(unit)![1]).toBe('CAP_NET_BIND_SERVICE CAP_NET_RAW CAP_NET_ADMIN')
  const listener = spawn('python3', ['-c', LISTENER, join(root, 'run/notify')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const told: string[] = []
  listener.stdout.on('data', (text) => told.push(String(text)))
  const as = `setpriv --reuid reveille --regid reveille --init-groups --no-new-privs --inh-caps ${CAPABILITIES} --ambient-caps ${CAPABILITIES}`
  const network =
    'ip link set lo up; ip link add rv0 type veth peer name rv1; ip link set rv1 up; ip addr add 10.99.0.1/24 dev rv0; ip link set rv0 up'
  // Of this network, and gone with its processes.
  const mounts = `mount -t proc proc ${root}/proc; mount -t sysfs sysfs ${root}/sys`
  const start = `${network}; ${mounts}; exec chroot ${root} ${as} env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin NOTIFY_SOCKET=/run/notify WATCHDOG_USEC=1000000 ${command}`
  await expect.poll(() => told.join(''), { timeout: 60_000 }).toContain('bound')
  const server = spawn('unshare', ['--net', '--mount', 'sh', '-c', start], { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  server.stdout.on('data', (text) => said.push(String(text)))
  server.stderr.on('data', (text) => said.push(String(text)))
  try {
    await expect
      .poll(() => told.join('') + (server.exitCode === null ? '' : said.join('')), { timeout: 60_000 })
      .toContain('READY=1')
    await expect.poll(() => told.join(''), { timeout: 60_000 }).toContain('WATCHDOG=1')
    await work(done)
  } finally {
    server.kill('SIGTERM')
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
    listener.kill()
  }
  expect(told.join('')).toContain('STOPPING=1')
}

const LISTENER = `
import os, socket, sys
if os.path.exists(sys.argv[1]): os.unlink(sys.argv[1])
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)
print('bound', flush=True)
while True: print(s.recv(4096).decode(), flush=True)
`

test('serves DHCP, TFTP and HTTP as its own user, and tells systemd when', async () => {
  writeFileSync(join(root, 'etc/reveille/reveille.yaml'), 'dhcp: { mode: proxy, interfaces: [rv0] }\n')
  await served(async (run) => {
    const status = JSON.parse(run('reveille', 'status', '--json')) as {
      listeners: { service: string; state: string }[]
    }
    const states = Object.fromEntries(status.listeners.map(({ service, state }) => [service, state]))
    expect(
      Object.values(states).filter((state) => state === 'failed'),
      JSON.stringify(status.listeners),
    ).toEqual([])
    expect(states.TFTP).toBe('listening')
    run('reveille', 'machine', 'add', 'first', '--mac', '52:54:00:00:00:01')
  })
  expect(statSync(join(root, 'var/lib/reveille/reveille.db')).uid).not.toBe(0)
})

test('an upgrade keeps settings and data', async () => {
  const unpacked = join(root, 'tmp/newer')
  execFileSync('dpkg-deb', ['-R', packageFile, unpacked])
  const control = join(unpacked, 'DEBIAN/control')
  writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .+$/m, 'Version: 99.0'))
  execFileSync('dpkg-deb', ['-b', '-Zzstd', '-z1', '--root-owner-group', unpacked, join(root, 'newer.deb')])
  rmSync(unpacked, { recursive: true })
  done('dpkg', '-i', '/newer.deb')
  expect(done('dpkg-query', '-W', '-f', '$' + '{Version}', 'reveille')).toBe('99.0')
  expect(readFileSync(join(root, 'etc/reveille/reveille.yaml'), 'utf8')).toContain('interfaces: [rv0]')
  await served(async (run) => {
    expect(run('reveille', 'machine', 'list')).toContain('first')
  })
})

test('removing leaves settings and data, purging leaves the data alone', () => {
  done('dpkg', '-r', 'reveille')
  expect(existsSync(join(root, 'usr/bin/reveille'))).toBe(false)
  expect(existsSync(join(root, 'etc/reveille/reveille.yaml'))).toBe(true)
  expect(done('dpkg', '-P', 'reveille')).toContain('The data of Reveille stays')
  expect(existsSync(join(root, 'etc/reveille'))).toBe(false)
  expect(existsSync(join(root, 'var/lib/reveille/reveille.db'))).toBe(true)
  expect(done('getent', 'passwd', 'reveille')).toContain('reveille')
})

test('everything that the image of the container names is in the package or in the sources', () => {
  const contents = execFileSync('dpkg-deb', ['-c', packageFile], { encoding: 'utf8', maxBuffer: 2 ** 26 })
  const dockerfile = readFileSync('packaging/docker/Dockerfile', 'utf8')
  const compose = readFileSync('packaging/docker/compose.yaml', 'utf8')
  for (const [, path] of dockerfile.matchAll(/"(\/[^"]+)"/g)) expect(contents, path).toContain(` .${path}\n`)
  for (const [, path] of dockerfile.matchAll(/^COPY (\S+)/gm)) expect(existsSync(path!), path).toBe(true)
  for (const [, path] of compose.matchAll(/- (\.\/[^:]+):/g))
    expect(existsSync(join('packaging/docker', path!)), path).toBe(true)
  expect(existsSync(/dockerfile: (\S+)/.exec(compose)![1]!)).toBe(true)
  // The list of what it installs besides is that of the package.
  const control = execFileSync('dpkg-deb', ['-f', packageFile, 'Recommends'], { encoding: 'utf8' })
  expect(control.trim().split(', ').length).toBeGreaterThan(10)
  expect(dockerfile).toMatch(/dpkg-query -W -f '\$\{Recommends\}' reveille/)
})
