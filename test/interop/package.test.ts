import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ownEnvironment } from '../e2e/bed/environment.ts'

/**
 * The package as npm would install it: packed, unpacked below a node_modules with its dependencies beside it, and run from
 * there. Node strips no types below node_modules, so this is the one test of the compiled form.
 */
const directory = mkdtempSync(join(tmpdir(), 'rv-package-'))
const modules = join(directory, 'node_modules')
const reveille = join(modules, '.bin/reveille')
const dataDir = join(directory, 'data')

beforeAll(() => {
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { encoding: 'utf8' })
  mkdirSync(join(modules, 'reveille'), { recursive: true })
  const archive = join(directory, packed.trim().split('\n').at(-1)!)
  execFileSync('tar', ['-xzf', archive, '-C', join(modules, 'reveille'), '--strip-components=1'])
  for (const name of readdirSync('node_modules'))
    if (!name.startsWith('.')) symlinkSync(join(process.cwd(), 'node_modules', name), join(modules, name))
  mkdirSync(join(modules, '.bin'))
  symlinkSync('../reveille/bin/reveille', reveille)
})

afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('holds no sources and no tests', () => {
  expect(existsSync(join(modules, 'reveille/src'))).toBe(false)
  expect(
    readdirSync(join(modules, 'reveille/dist/lib'), { recursive: true }).filter((name) => /test/.test(String(name))),
  ).toEqual([])
})

test('has the agent of the management OS ready: it is what machines get, for there are no sources and no bundler', async () => {
  const { agentBundle } = await import(join(modules, 'reveille/dist/lib/management/bundle.js'))
  const bundle = Buffer.from(await agentBundle(join(modules, 'reveille')))
  expect(bundle).toEqual(readFileSync(join(modules, 'reveille/dist/agent/main.mjs')))
  // It runs, and says what it lacks on a computer that no deployment started.
  const { stderr, stdout } = spawnSync(process.execPath, [join(modules, 'reveille/dist/agent/main.mjs')], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  expect(stdout + stderr).toContain('boot.json')
})

test('serves API, console, boot scripts and TFTP from its compiled form', async () => {
  const listen = `127.0.0.1:${18_000 + (process.pid % 1000)}`
  const flags = [
    '--data-dir',
    dataDir,
    '--http-listen',
    listen,
    '--tftp-enabled',
    'true',
    '--tftp-listen',
    '127.0.0.1:0',
  ]
  const server = spawn(reveille, ['serve', ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
    cwd: directory,
    env: ownEnvironment(),
  })
  try {
    const lines: string[] = []
    server.stdout.on('data', (chunk) => lines.push(String(chunk)))
    await expect.poll(() => lines.join(''), { timeout: 60_000 }).toContain('Reveille is ready')
    const environment = { ...ownEnvironment(), REVEILLE_DATA_DIR: dataDir }
    const status = execFileSync(reveille, ['status', '--json'], { encoding: 'utf8', env: environment, cwd: directory })
    expect(JSON.parse(status).listeners).toContainEqual(
      expect.objectContaining({ service: 'TFTP', state: 'listening' }),
    )
    expect(await (await fetch(`http://${listen}/boot/start.ipxe`)).text()).toMatch(/^#!ipxe\n/)
    expect(await (await fetch(`http://${listen}/`)).text()).toContain('<title>Reveille</title>')
  } finally {
    server.kill()
    if (server.exitCode === null) await once(server, 'exit')
  }
})
