import { execFile } from 'node:child_process'
import { copyFile, cp, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { completeTree, cpioArchive, type LoadedEntry } from '../../../src/initramfs/cpio.ts'
import { loadOrder, moduleDependencies, moduleName } from '../../../src/initramfs/modules.ts'
import { inTurn } from './in-turn.ts'

const run = promisify(execFile)
/** Debian's kernel as its package has it, kept between runs. */
const KERNEL_CACHE = '.cache/image-build'
const MODULES = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'ext4']

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

/** The newest of Debian's kernel packages, unpacked. */
export function kernelPackage(): Promise<string> {
  return inTurn(KERNEL_CACHE, unpackedKernel)
}

async function unpackedKernel(): Promise<string> {
  const { stdout } = await run('apt-cache', ['depends', '--important', 'linux-image-amd64'])
  const name = /Depends: (linux-image-\S+-amd64)/.exec(stdout)?.[1]
  if (name === undefined) throw new Error('apt does not know linux-image-amd64')
  const kept = join(KERNEL_CACHE, name)
  if ((await readdir(kept).catch(() => [])).length > 0) return kept
  const fresh = `${kept}.${process.pid}`
  await mkdir(fresh, { recursive: true })
  await run('apt-get', ['-o', 'APT::Sandbox::User=root', '-qq', 'download', name], { cwd: fresh })
  const archive = (await readdir(fresh)).find((file) => file.endsWith('.deb'))!
  await run('dpkg-deb', ['-x', join(fresh, archive), join(fresh, 'files')])
  await rm(kept, { recursive: true, force: true })
  await cp(join(fresh, 'files'), kept, { recursive: true })
  await rm(fresh, { recursive: true })
  return kept
}

/** An initial system with these drivers (and what they need) from a folder of modules, and the shell script that loads them. `more`: further files. */
export async function makeInitrd(
  modules: string,
  wanted: readonly string[] = MODULES,
  init: string = INITRD_INIT,
  more: readonly LoadedEntry[] = [],
): Promise<Uint8Array> {
  const paths = new Map<string, string>()
  for (const path of await readdir(modules, { recursive: true }))
    if (path.endsWith('.ko')) paths.set(moduleName(basename(path)), join(modules, path))
  const contents = new Map<string, Buffer>()
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
  const entries: LoadedEntry[] = [
    ...folders.map((name) => ({ name, kind: 'directory' as const, mode: 0o755 })),
    { name: 'dev/console', kind: 'character-device', mode: 0o600, major: 5, minor: 1 },
    file('bin/busybox', await readFile('/bin/busybox')),
    ...links.map((name) => ({ name: `bin/${name}`, kind: 'link' as const, target: 'busybox' })),
    file('init', Buffer.from(init)),
    file('lib/modules/order', Buffer.from(`${order.join('\n')}\n`)),
    ...[...contents].map(([name, content]) => file(`lib/modules/${name}.ko`, content)),
    ...more,
  ]
  return cpioArchive(completeTree(entries) as LoadedEntry[])
}

/** Makes the root directory of a tiny system with Debian's kernel, whose first program is the shell script `init`. */
export async function makeRoot(root: string, init: string): Promise<void> {
  for (const folder of ['bin', 'sbin', 'boot', 'etc', 'proc', 'sys', 'dev', 'home/ada'])
    await mkdir(join(root, folder), { recursive: true })
  const kernel = await kernelPackage()
  const release = (await readdir(join(kernel, 'lib/modules')))[0]!
  await copyFile(join(kernel, 'boot', `vmlinuz-${release}`), join(root, 'boot', `vmlinuz-${release}`))
  await writeFile(join(root, 'boot', `initrd.img-${release}`), await makeInitrd(join(kernel, 'lib/modules', release)))
  await copyFile('/bin/busybox', join(root, 'bin/busybox'))
  await symlink('busybox', join(root, 'bin/sh'))
  await writeFile(join(root, 'sbin/init'), init, { mode: 0o755 })
  await writeFile(join(root, 'etc/hostname'), 'built')
  await writeFile(join(root, 'etc/os-release'), 'ID=reveille-test\nPRETTY_NAME="A tiny system"\n')
  await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n')
  await writeFile(join(root, 'etc/shadow'), 'root:*:19000:0:99999:7:::\n', { mode: 0o640 })
}

/** What the counting system prints once it runs; the number of its boots from this disk follows. */
export const COUNTED = 'REVEILLE-SYSTEM:'

/** Counts its boots on its own disk, says so, and stays. */
export const COUNTING_INIT = `#!/bin/sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
firmware=bios
[ -d /sys/firmware/efi ] && firmware=uefi
boots=$(( $(cat /boots 2>/dev/null || echo 0) + 1 ))
echo $boots >/boots
sync
echo "${COUNTED} boot $boots of $(cat /etc/hostname), firmware=$firmware" >/dev/console
while :; do sleep 60; done
`
