import { type ChildProcess, execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cpioArchive } from '../../src/initramfs/cpio.ts'
import { Bed } from './bed/bed.ts'
import { inTurn } from './bed/in-turn.ts'
import { offerBundle } from './bed/linux.ts'
import { until } from './bed/until.ts'

const run = promisify(execFile)
/** Kept between runs: made of packages alone. */
const CACHE = '.cache/arm64'
const MAC = '52:54:00:aa:64:01'
const ARRIVED = 'ARM64-TEST: userland reached'
const INIT = `#!/bin/busybox sh\n/bin/busybox echo "${ARRIVED}"\nexec /bin/busybox sleep 3600\n`

/** Packages of arm64, fetched with an apt of its own so that this computer's knows nothing of another architecture. */
async function packages(): Promise<string> {
  if (existsSync(join(CACHE, 'done'))) return CACHE
  await rm(CACHE, { recursive: true, force: true })
  const work = await mkdtemp(join(tmpdir(), 'rv-arm64-'))
  try {
    await Promise.all(
      ['state/lists/partial', 'cache/archives/partial', 'root'].map((name) =>
        mkdir(join(work, name), { recursive: true }),
      ),
    )
    await copyFile('/var/lib/dpkg/status', join(work, 'status'))
    const settings = {
      'APT::Architecture': 'arm64',
      'APT::Architectures::': 'arm64',
      'APT::Sandbox::User': 'root',
      'Dir::State': join(work, 'state'),
      'Dir::State::status': join(work, 'status'),
      'Dir::Cache': join(work, 'cache'),
    }
    const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    const apt = (program: string, ...args: string[]) => run(program, [...options, ...args], { cwd: work })
    await apt('apt-get', '--quiet', 'update')
    const kernel = /linux-image-\d\S*/.exec((await apt('apt-cache', 'depends', 'linux-image-arm64')).stdout)?.[0]
    if (!kernel) throw new Error('there is no kernel for arm64')
    await apt('apt-get', '--quiet', 'download', kernel, 'busybox-static', 'shim-signed', 'grub-efi-arm64-signed')
    const root = join(work, 'root')
    for (const name of await readdir(work)) if (name.endsWith('.deb')) await run('dpkg', ['-x', join(work, name), root])
    const out = join(work, 'out')
    await mkdir(join(out, 'programs/debian'), { recursive: true })
    await cp(join(root, 'usr/lib/shim/shimaa64.efi.signed'), join(out, 'programs/debian/shimaa64.efi'))
    const grub = 'usr/lib/grub/arm64-efi-signed/grubnetaa64.efi.signed'
    await cp(join(root, grub), join(out, 'programs/debian/grubaa64.efi'))
    const linux = (await readdir(join(root, 'boot'))).find((name) => name.startsWith('vmlinuz'))!
    await cp(join(root, 'boot', linux), join(out, 'vmlinuz'))
    const busybox = await readFile(join(root, 'bin/busybox'))
    const initrd = cpioArchive([
      { name: 'bin', kind: 'directory', mode: 0o755 },
      { name: 'bin/busybox', kind: 'file', mode: 0o755, content: busybox },
      { name: 'dev', kind: 'directory', mode: 0o755 },
      { name: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
      { name: 'init', kind: 'file', mode: 0o755, content: Buffer.from(INIT) },
    ])
    await writeFile(join(out, 'initrd'), initrd)
    await writeFile(join(out, 'done'), '')
    await cp(out, `${CACHE}.new`, { recursive: true })
    await rename(`${CACHE}.new`, CACHE)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return CACHE
}

let bed: Bed
let variables: string
let qemu: ChildProcess | undefined
beforeAll(async () => {
  bed = await Bed.make()
  const cache = await inTurn(CACHE, packages)
  variables = await mkdtemp(join(tmpdir(), 'rv-aavmf-'))
  const server = await bed.serve({
    dhcp: { mode: 'server', interfaces: ['br0'] },
    networks: [{ name: 'wire', subnet: '10.77.0.0/24', interface: 'br0' }],
    bootPrograms: resolve(cache, 'programs'),
  })
  const cmdline = 'console=ttyAMA0 panic=10'
  await offerBundle(server, 'arm', { kernel: join(cache, 'vmlinuz'), initrd: join(cache, 'initrd'), cmdline })
}, 300_000)
afterAll(async () => {
  if (qemu) await bed.stop(qemu)
  await bed?.remove()
  if (variables) await rm(variables, { recursive: true, force: true })
})

test('a machine of 64-bit ARM boots through shim and GRUB without being told to', async () => {
  await bed.server.api('POST', '/machines', { name: 'arm1', macs: [MAC], profile: 'arm' })
  const own = join(variables, 'variables.fd')
  await run('cp', ['--sparse=always', '/usr/share/AAVMF/AAVMF_VARS.fd', own])
  const { netdev } = await bed.bridge.attach()
  const args = [
    ...['-nodefaults', '-accel', 'tcg', '-machine', 'virt', '-cpu', 'cortex-a57', '-m', '1024'],
    ...['-display', 'none', '-serial', `file:${join(variables, 'console')}`],
    ...['-drive', 'if=pflash,format=raw,readonly=on,file=/usr/share/AAVMF/AAVMF_CODE.fd'],
    ...['-drive', `if=pflash,format=raw,file=${own}`],
    ...['-netdev', netdev, '-device', `virtio-net-pci,romfile=,netdev=net0,mac=${MAC},bootindex=0`],
  ]
  qemu = bed.run(bed.host, 'qemu-system-aarch64', args)
  const printed = async () => (await readFile(join(variables, 'console'), 'latin1').catch(() => '')).slice(-3000)
  await until(
    'the system reports itself',
    280_000,
    async () => ((await printed()).includes(ARRIVED) ? true : undefined),
    500,
  ).catch(async (error: unknown) => {
    const why = await bed.server.call('GET', `/api/v1/machines/${MAC}/why`)
    throw new Error(`${await printed()}\n${why.text}`, { cause: error })
  })
  const { items } = await bed.server.api<{
    items: { state: string; events: { kind: string; detail?: Record<string, unknown> }[] }[]
  }>('GET', `/machines/${MAC}/traces?limit=1`)
  expect(items[0]?.state).toBe('launched')
  expect(items[0]?.events.map(({ detail }) => detail?.file)).toEqual(
    expect.arrayContaining(['debian/shimaa64.efi', 'debian/grubaa64.efi', 'vmlinuz', 'initrd']),
  )
  expect(await bed.server.api('GET', `/machines/${MAC}`)).toMatchObject({ architecture: 'arm64', firmware: 'uefi' })
}, 300_000)
