import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Inside } from './inside.ts'

let folder: string
let outside: string
let system: Inside

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rv-inside-'))
  outside = join(folder, 'outside')
  mkdirSync(join(folder, 'root/etc'), { recursive: true })
  mkdirSync(outside)
  writeFileSync(join(outside, 'secret'), 'secret')
  system = new Inside(join(folder, 'root'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const mine = { uid: process.getuid!(), gid: process.getgid!() }
const link = (at: string, to: string) => symlinkSync(to, join(folder, 'root', at))

describe('files of an installed system', () => {
  test('links are followed as the system itself would, and never out of it', async () => {
    link('etc/absolute', '/etc/hosts')
    link('etc/climbs', '../../../../outside/secret')
    link('var', outside)
    await system.write('/etc/absolute', 'a', { mode: 0o644, owner: mine })
    expect(readFileSync(join(folder, 'root/etc/hosts'), 'utf8')).toBe('a')
    expect(await system.read('/etc/climbs')).toBeUndefined()
    expect(await system.read('/var/secret')).toBeUndefined()
    expect(await system.read('/../outside/secret')).toBeUndefined()
    await expect(system.write('/var/new', 'x', { mode: 0o644, owner: mine })).rejects.toThrow()
    expect(readdirSync(outside)).toEqual(['secret'])
  })

  test('circles of links, and what is no file, are refused', async () => {
    link('etc/one', 'two')
    link('etc/two', 'one')
    await expect(system.read('/etc/one')).rejects.toThrow(/circles/)
    await expect(system.read('/etc')).rejects.toThrow(/no file/)
    await expect(system.write('/etc', 'x', { mode: 0o644 })).rejects.toThrow(/no file/)
    writeFileSync(join(folder, 'root/file'), '')
    await expect(system.folder('/file/x', { mode: 0o700 })).rejects.toThrow(/no folder/)
  })

  test('an old file keeps its mode, a new one gets its own, and nothing else is left behind', async () => {
    const hosts = join(folder, 'root/etc/hosts')
    writeFileSync(hosts, 'old')
    chmodSync(hosts, 0o640)
    await system.write('/etc/hosts', 'new', { mode: 0o644 })
    expect([readFileSync(hosts, 'utf8'), statSync(hosts).mode & 0o777]).toEqual(['new', 0o640])
    await system.write('/etc/hosts', 'new', { mode: 0o600, exact: true })
    expect(statSync(hosts).mode & 0o777).toBe(0o600)
    await system.write('/etc/shadow', 'x', { mode: 0o600, owner: mine })
    expect(statSync(join(folder, 'root/etc/shadow')).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(folder, 'root/etc')).toSorted()).toEqual(['hosts', 'shadow'])
  })

  test('folders are made with those above them', async () => {
    await system.folder('/root/.ssh', { mode: 0o700, exact: true, owner: mine })
    expect(statSync(join(folder, 'root/root/.ssh')).mode & 0o777).toBe(0o700)
    chmodSync(join(folder, 'root/root/.ssh'), 0o777)
    await system.folder('/root/.ssh', { mode: 0o700, exact: true })
    expect(statSync(join(folder, 'root/root/.ssh')).mode & 0o777).toBe(0o700)
    expect(existsSync(join(outside, '.ssh'))).toBe(false)
  })
})
