import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootProgram } from '../../src/agent/boot-entry/boot-entry.ts'
import { openDisk } from '../../src/agent/disk/open.ts'
import { growDisk, growTable } from '../../src/agent/grow/grow.ts'
import { writeIdentity } from '../../src/agent/identity/identity.ts'
import { whileMounted } from '../../src/agent/mounting/mounted.ts'
import { contentOf, type Place, placesOn } from '../../src/agent/mounting/partitions.ts'
import { abilitiesOf } from '../../src/agent/wipe/erase.ts'
import type { Method } from '../../src/agent/wipe/methods.ts'
import { wipeDisk } from '../../src/agent/wipe/wipe.ts'

/** The tasks of the agent on loop devices with the filesystems that images have. */
const MIB = 1024 * 1024
let folder = ''
const loops: string[] = []

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reveille-tasks-'))
})
afterAll(() => {
  for (const loop of loops) run('losetup', ['-d', loop])
  rmSync(folder, { recursive: true, force: true })
})

function run(program: string, args: readonly string[], input?: string): string {
  return execFileSync(program, args, { input, encoding: 'utf8', stdio: ['pipe', 'pipe', 'pipe'] })
}

let made = 0
function loop(bytes: number, make?: (file: string) => void): { file: string; path: string } {
  const file = join(folder, `disk-${made++}`)
  writeFileSync(file, '')
  truncateSync(file, bytes)
  make?.(file)
  const path = run('losetup', ['-f', '--show', file]).trim()
  loops.push(path)
  return { file, path }
}

const lines: string[] = []
const around = {
  lines,
  log: (_level: string, text: string) => void lines.push(text),
  progress: () => undefined,
  markDirty: async () => undefined,
  stopped: new AbortController().signal,
}

/** A small installed system; values that end in a slash are folders, those with `->` links. */
async function install(path: string, type: string, files: Record<string, string>, under = ''): Promise<void> {
  await whileMounted({ path, type, write: true }, async (mounted) => {
    for (const [name, content] of Object.entries(files)) {
      const at = join(mounted, under, name)
      mkdirSync(dirname(at), { recursive: true })
      if (content.startsWith('->')) symlinkSync(content.slice(2), at)
      else writeFileSync(at, content)
    }
  })
}

const SYSTEM = {
  'etc/os-release': 'ID=debian\n',
  'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n',
  'etc/shadow': 'root:*:19000:0:99999:7:::\nanna:$6$x:19000:0:99999:7:::\n',
  'etc/hosts': '127.0.0.1 localhost\n',
  'etc/cloud/cloud.cfg': '',
}
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA anna@desk'
const IDENTITY = {
  hostname: 'node1.lab',
  sshKeys: [KEY],
  passwordHash: '$6$s$h',
  userData: '#cloud-config\n',
  metaData: null,
  ignition: null,
}
const NOTHING = { hostname: null, sshKeys: [], passwordHash: null, userData: null, metaData: null, ignition: null }

describe('identity', () => {
  const MAKERS: [string, number, string[], string][] = [
    ['ext4', 64, ['mkfs.ext4', '-q'], ''],
    ['xfs', 320, ['mkfs.xfs', '-q'], ''],
    ['btrfs', 128, ['mkfs.btrfs', '-q'], '@rootfs'],
  ]
  for (const [type, size, [program, ...options], under] of MAKERS)
    test(`is written into ${type} and read back, twice the same`, async () => {
      const { path } = loop(size * MIB, (file) => run(program!, [...options, file]))
      await install(path, type, SYSTEM, under)
      const places = await placesOn(path)
      const written = await writeIdentity(places, IDENTITY, around)
      expect(written).toEqual([
        '/etc/hostname',
        '/etc/hosts',
        '/root/.ssh/authorized_keys',
        '/etc/shadow',
        '/var/lib/cloud/seed/nocloud/user-data',
        '/var/lib/cloud/seed/nocloud/meta-data',
      ])
      expect(await writeIdentity(places, IDENTITY, around)).toEqual(written)
      await whileMounted({ path, type, write: false }, async (mounted) => {
        const text = (name: string) => readFileSync(join(mounted, under, name), 'utf8')
        expect(text('etc/hostname')).toBe('node1.lab\n')
        expect(text('etc/hosts')).toBe('127.0.0.1 localhost\n127.0.1.1\tnode1.lab node1\n')
        expect(text('root/.ssh/authorized_keys')).toBe(`${KEY}\n`)
        expect(text('etc/shadow')).toMatch(/^root:\$6\$s\$h:\d+:0:99999:7:::\nanna:\$6\$x:19000:0:99999:7:::\n$/)
        expect(statSync(join(mounted, under, 'root/.ssh')).mode & 0o777).toBe(0o700)
        expect(statSync(join(mounted, under, 'root/.ssh/authorized_keys')).mode & 0o777).toBe(0o600)
      })
      expect(readdirSync(tmpdir()).filter((name) => name.startsWith('reveille-mount-'))).toEqual([])
    })

  test('an image with links that lead outside reaches nothing of the agent', async () => {
    const { path } = loop(64 * MIB, (file) => run('mkfs.ext4', ['-q', file]))
    const target = join(folder, 'target')
    mkdirSync(target)
    const etc = { ...SYSTEM, 'etc/hosts': `->${join(target, 'hosts')}`, 'root/.ssh': `->../../../../..${target}` }
    await install(path, 'ext4', etc)
    await expect(writeIdentity(await placesOn(path), IDENTITY, around)).rejects.toThrow()
    expect(readdirSync(target)).toEqual([])
  })

  test('no system, two systems and a closed one are refused in words', async () => {
    const one = loop(64 * MIB, (file) => run('mkfs.ext4', ['-q', file]))
    const two = loop(64 * MIB, (file) => run('mkfs.ext4', ['-q', file]))
    await expect(writeIdentity(await placesOn(one.path), IDENTITY, around)).rejects.toThrow(
      /No installed Linux system was found on \/dev\/loop/,
    )
    for (const { path } of [one, two]) await install(path, 'ext4', SYSTEM)
    const both = [...(await placesOn(one.path)), ...(await placesOn(two.path))]
    await expect(writeIdentity(both, IDENTITY, around)).rejects.toThrow(/Several installed systems/)
    const closed: Place = {
      path: '/dev/x',
      number: 1,
      type: '',
      bytes: 1,
      filesystem: { type: 'LVM2_member', label: null, uuid: null },
    }
    await expect(writeIdentity([closed], IDENTITY, around)).rejects.toThrow(
      /\/dev\/x is part of LVM, which cannot be opened here/,
    )
    await expect(writeIdentity(both, { ...IDENTITY, hostname: 'a b' }, around)).rejects.toThrow()
  })

  test('an Ignition file goes where Flatcar and Fedora CoreOS look for it', async () => {
    const oem = loop(64 * MIB, (file) => run('mkfs.ext4', ['-q', '-L', 'OEM', file]))
    const boot = loop(64 * MIB, (file) => run('mkfs.ext4', ['-q', '-L', 'boot', file]))
    const identity = { ...NOTHING, ignition: '{"ignition":{"version":"3.3.0"}}' }
    expect(await writeIdentity(await placesOn(oem.path), identity, around)).toEqual([
      '/config.ign (on the partition labelled OEM)',
    ])
    await expect(writeIdentity(await placesOn(boot.path), identity, around)).rejects.toThrow(
      /no place for an Ignition file/,
    )
    await install(boot.path, 'ext4', { 'ignition.firstboot': '' })
    await writeIdentity(await placesOn(boot.path), identity, around)
    await whileMounted({ path: boot.path, type: 'ext4', write: false }, async (mounted) =>
      expect(readFileSync(join(mounted, 'ignition/config.ign'), 'utf8')).toBe(identity.ignition),
    )
  })
})

describe('growing', () => {
  const MAKERS: [string, number, string[]][] = [
    ['ext4', 64, ['mkfs.ext4', '-q']],
    ['xfs', 320, ['mkfs.xfs', '-q']],
    ['btrfs', 128, ['mkfs.btrfs', '-q']],
  ]
  for (const [type, size, [program, ...options]] of MAKERS)
    test(`${type} fills a disk that became larger, and keeps its files`, async () => {
      const { file, path } = loop(size * MIB, (each) => run(program!, [...options, each]))
      await install(path, type, { 'etc/os-release': 'ID=x\n' })
      truncateSync(file, 2 * size * MIB)
      run('losetup', ['-c', path])
      const growth = await growDisk(path, around)
      expect(growth).toMatchObject({ partition: null, filesystem: type, after: 2 * size * MIB })
      expect(growth.words).toContain(`Grew the disk with its ${type}`)
      await whileMounted({ path, type, write: false }, async (mounted) => {
        const blocks =
          Number(run('stat', ['-f', '-c', '%b', mounted])) * Number(run('stat', ['-f', '-c', '%S', mounted]))
        expect(blocks).toBeGreaterThan(1.7 * size * MIB)
        expect(readFileSync(join(mounted, 'etc/os-release'), 'utf8')).toBe('ID=x\n')
      })
      expect((await growDisk(path, around)).after).toBe(2 * size * MIB)
    })

  test('the table of a disk that became larger, as sgdisk and sfdisk see it', async () => {
    for (const label of ['gpt', 'dos']) {
      const file = join(folder, `table-${label}`)
      writeFileSync(file, '')
      truncateSync(file, 64 * MIB)
      run('sfdisk', ['-q', file], `label: ${label}\nsize=8MiB\nsize=20MiB\n`)
      run('mkfs.ext4', ['-q', '-E', `offset=${9 * MIB}`, file, '20M'])
      truncateSync(file, 200 * MIB)
      await growTable(file, await contentOf(file))
      if (label === 'gpt') expect(run('sgdisk', ['-v', file])).toContain('No problems found')
      expect(run('sfdisk', ['--verify', file])).toContain('No errors detected')
      const { partitions } = JSON.parse(run('sfdisk', ['-J', file])).partitiontable
      const end = label === 'gpt' ? 199 : 200
      expect(partitions).toMatchObject([
        { start: 2048, size: 8 * 2048 },
        { start: 9 * 2048, size: (end - 9) * 2048 },
      ])
      expect((await contentOf(file)).partitions[1]?.filesystem?.type).toBe('ext4')
    }
  })
})

describe('wiping', () => {
  const wiped = async (method: Method, path: string) => {
    const disk = await openDisk(path, { write: true })
    try {
      return await wipeDisk(disk, path, method, await abilitiesOf(path), around)
    } finally {
      await disk.close()
    }
  }
  for (const method of ['overwrite', 'discard'] as const)
    test(`${method} leaves nothing, and says what was looked at`, async () => {
      const { file, path } = loop(80 * MIB, (each) => run('mkfs.ext4', ['-q', '-L', 'secret', each]))
      await install(path, 'ext4', { 'etc/secret': 'x'.repeat(MIB) })
      const proof = await wiped(method, path)
      expect(proof).toMatchObject({
        outcome: 'passed',
        samples: { count: 512, zero: 512, changed: 0, unchanged: 0, edgesZero: true },
      })
      expect(readFileSync(file).every((byte) => byte === 0)).toBe(true)
      expect((await contentOf(path)).filesystem).toBeNull()
    })

  test('a mounted disk is refused', async () => {
    const { path } = loop(16 * MIB, (file) => run('mkfs.ext4', ['-q', file]))
    await whileMounted({ path, type: 'ext4', write: true }, async () => {
      await expect(wiped('overwrite', path)).rejects.toThrow(/EBUSY/)
    })
  })
})

test('the boot program of the one distribution counts, else the default one', async () => {
  const at = (name: string, ...files: string[]) => {
    for (const file of files) {
      mkdirSync(dirname(join(folder, name, file)), { recursive: true })
      writeFileSync(join(folder, name, file), '')
    }
    return bootProgram(join(folder, name))
  }
  expect(await at('a', 'EFI/BOOT/BOOTX64.EFI')).toBe('\\EFI\\BOOT\\BOOTX64.EFI')
  expect(await at('a', 'EFI/debian/grubx64.efi', 'EFI/debian/shimx64.efi')).toBe('\\EFI\\debian\\shimx64.efi')
  expect(await at('a', 'EFI/fedora/grubx64.efi')).toBe('\\EFI\\BOOT\\BOOTX64.EFI')
  expect(await at('b', 'EFI/readme')).toBeUndefined()
})
