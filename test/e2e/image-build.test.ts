import { execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildImage, type ImageOrder } from '../../src/imaging/build.ts'
import { cpioArchive } from '../../src/initramfs/cpio.ts'
import { loadOrder, moduleDependencies, moduleName } from '../../src/initramfs/modules.ts'

const run = promisify(execFile)
/** Debian's kernel as its package has it, kept between runs. */
const KERNEL_CACHE = '.cache/image-build'
const ARRIVED = 'REVEILLE-BUILT: init of the disk runs'

/** Loads drivers, waits for the disk, and hands over to the root filesystem whose partition the boot loader named. */
const INITRD_INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/lib/modules/$module.ko"; done </lib/modules/order
wanted=$(sed -n 's/.*root=PARTUUID=\\([^ ]*\\).*/\\1/p' /proc/cmdline)
until [ -n "$disk" ]; do
  for each in /sys/class/block/*/uevent; do
    grep -qi "^PARTUUID=$wanted" "$each" && disk=/dev/$(sed -n 's/^DEVNAME=//p' "$each")
  done
  # Kernels before 6.7 do not tell it there.
  [ -n "$disk" ] || { [ -e /dev/vda3 ] && disk=/dev/vda3; }
  [ -n "$disk" ] || sleep 0.2
done
mount -t ext4 -o rw "$disk" /root && exec switch_root /root /sbin/init
`
const ROOT_INIT = `#!/bin/sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
/bin/busybox touch /written
echo "${ARRIVED}, firmware=$firmware, name=$(/bin/busybox cat /etc/hostname), owner=$(/bin/busybox stat -c %u:%g:%a /home/ada)" >/dev/console
/bin/busybox cat /proc/cmdline >/dev/console
/bin/busybox sync
/bin/busybox poweroff -f
`

let work = ''
let root = ''

async function kernelPackage(): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', '--important', 'linux-image-amd64'])
  const name = /Depends: (linux-image-\S+-amd64)/.exec(stdout)?.[1]
  expect(name).toBeDefined()
  const kept = join(KERNEL_CACHE, name!)
  if ((await readdir(kept).catch(() => [])).length > 0) return kept
  const fresh = `${kept}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  await run('apt-get', ['-o', 'APT::Sandbox::User=root', '-qq', 'download', name!], { cwd: fresh })
  const archive = (await readdir(fresh)).find((file) => file.endsWith('.deb'))!
  await run('dpkg-deb', ['-x', join(fresh, archive), join(fresh, 'files')])
  await rm(kept, { recursive: true, force: true })
  await cp(join(fresh, 'files'), kept, { recursive: true })
  await rm(fresh, { recursive: true })
  return kept
}

async function makeInitrd(modules: string): Promise<Uint8Array> {
  const paths = new Map<string, string>()
  for (const path of await readdir(modules, { recursive: true }))
    if (path.endsWith('.ko')) paths.set(moduleName(basename(path)), join(modules, path))
  const contents = new Map<string, Buffer>()
  const wanted = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4']
  const needed = [...wanted]
  for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
    const path = paths.get(name)
    if (path === undefined || contents.has(name)) continue
    contents.set(name, await readFile(path))
    needed.push(...moduleDependencies(contents.get(name)!))
  }
  const order = loadOrder(wanted, (name) => contents.get(name) && moduleDependencies(contents.get(name)!))
  const file = (name: string, content: Uint8Array) => ({ name, kind: 'file' as const, mode: 0o755, content })
  const folders = ['bin', 'dev', 'lib', 'lib/modules', 'proc', 'root', 'sys']
  const links = ['sh', 'mount', 'insmod', 'sed', 'grep', 'sleep', 'switch_root']
  return cpioArchive([
    ...folders.map((name) => ({ name, kind: 'directory' as const, mode: 0o755 })),
    { name: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
    file('bin/busybox', await readFile('/bin/busybox')),
    ...links.map((name) => ({ name: `bin/${name}`, kind: 'link' as const, target: 'busybox' })),
    file('init', Buffer.from(INITRD_INIT)),
    file('lib/modules/order', Buffer.from(`${order.join('\n')}\n`)),
    ...[...contents].map(([name, content]) => file(`lib/modules/${name}.ko`, content)),
  ])
}

/** A root filesystem as a container would export it: no kernel's directories, and the mark of a container. */
beforeAll(async () => {
  work = await mkdtemp(join(tmpdir(), `reveille-image-build-${process.pid}-`))
  root = join(work, 'root')
  for (const folder of ['bin', 'sbin', 'boot', 'etc', 'home/ada']) await mkdir(join(root, folder), { recursive: true })
  const kernel = await kernelPackage()
  const release = (await readdir(join(kernel, 'lib/modules')))[0]!
  await copyFile(join(kernel, 'boot', `vmlinuz-${release}`), join(root, 'boot', `vmlinuz-${release}`))
  await writeFile(join(root, 'boot', 'vmlinuz-5.9.0'), 'an older one')
  await writeFile(join(root, 'boot', `initrd.img-${release}`), await makeInitrd(join(kernel, 'lib/modules', release)))
  await copyFile('/bin/busybox', join(root, 'bin/busybox'))
  await symlink('busybox', join(root, 'bin/sh'))
  await writeFile(join(root, 'sbin/init'), ROOT_INIT, { mode: 0o755 })
  await writeFile(join(root, 'etc/hostname'), 'built')
  await writeFile(join(root, '.dockerenv'), '')
  await run('chown', ['1234:1235', join(root, 'home/ada')])
  await run('chmod', ['2750', join(root, 'home/ada')])
})
afterAll(() => rm(work, { recursive: true, force: true }))

function order(file: string, more: Partial<ImageOrder> = {}): ImageOrder {
  return { file: join(work, file), from: root, cmdline: 'console=ttyS0 quiet', firmware: ['bios', 'uefi'], ...more }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path)) hash.update(piece)
  return hash.digest('hex')
}

/** What a machine prints on its serial port from power-on until it switches itself off. */
async function boot(disk: string, firmware: 'bios' | 'uefi'): Promise<string> {
  const variables = join(work, 'variables.fd')
  await copyFile('/usr/share/OVMF/OVMF_VARS_4M.fd', variables)
  const uefi = [
    ...['-machine', 'q35'],
    ...['-drive', 'if=pflash,unit=0,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd'],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
  ]
  const machine = spawn('qemu-system-x86_64', [
    ...['-nodefaults', '-display', 'none', '-device', 'VGA', '-m', '512', '-no-reboot', '-serial', 'stdio'],
    ...(firmware === 'uefi' ? uefi : ['-machine', 'pc']),
    ...['-drive', `if=none,id=disk,format=raw,file=${disk},discard=unmap`, '-device', 'virtio-blk-pci,drive=disk'],
  ])
  const guard = setTimeout(() => machine.kill(), 240_000)
  let printed = ''
  machine.stdout.on('data', (piece: Buffer) => {
    printed += piece.toString('latin1')
  })
  await new Promise((resolve) => machine.once('exit', resolve))
  clearTimeout(guard)
  return printed
}

describe('a disk built from a directory', () => {
  test('boots by BIOS and by UEFI, from the kernel in it, and is its own root filesystem', async () => {
    const built = await buildImage(order('built.img'), () => undefined)
    expect(built.kernel).toMatch(/^\/boot\/vmlinuz-6/)
    expect(built.notes).toEqual([])
    for (const firmware of ['bios', 'uefi'] as const) {
      const printed = await boot(built.file, firmware)
      expect(printed).toContain(`${ARRIVED}, firmware=${firmware}, name=built, owner=1234:1235:2750`)
      expect(printed).toContain(`root=PARTUUID=${built.rootPartition} rw console=ttyS0 quiet`)
    }
    const at = `${built.file}?offset=${64 * 1024 * 1024}`
    const { stdout } = await run('/usr/sbin/debugfs', ['-R', 'ls -p /', at])
    const names = stdout.split('\n').map((line) => line.split('/')[5])
    expect(names).toEqual(expect.arrayContaining(['written', 'dev', 'proc', 'run', 'sys', 'tmp']))
    expect(names).not.toContain('.dockerenv')
  })
})

describe('from a tar archive', () => {
  test('comes the same disk, byte for byte, as root and as an ordinary user', async () => {
    const tar = join(work, 'root.tar.gz')
    await run('tar', ['-czf', tar, '-C', root, '.'])
    const first = await buildImage(order('first.img'), () => undefined)
    const second = await buildImage(order('second.img', { from: tar }), () => undefined)
    expect(await sha256(second.file)).toBe(await sha256(first.file))

    const home = join(work, 'home')
    await mkdir(home)
    await run('chmod', ['777', home])
    await run('chmod', ['755', work])
    const program = `
      import { buildImage } from ${JSON.stringify(join(process.cwd(), 'src/imaging/build.ts'))}
      await buildImage(${JSON.stringify({ ...order(''), file: join(home, 'third.img'), from: tar })}, () => undefined)`
    await run(
      'setpriv',
      [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        process.execPath,
        '--input-type=module-typescript',
        '-e',
        program,
      ],
      {
        env: { ...process.env, HOME: home },
      },
    )
    expect(await sha256(join(home, 'third.img'))).toBe(await sha256(first.file))
  })
})
