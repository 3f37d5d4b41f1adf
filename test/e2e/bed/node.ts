import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { cpioArchive } from '../../../src/initramfs/cpio.ts'
import { SILENT } from '../../../src/kit/log.ts'
import { buildLabLinux } from '../../../src/lab/linux.ts'
import { ARRIVED, LAB_INIT } from '../../../src/lab/linux-init.ts'
import { inTurn } from './in-turn.ts'
import { LINUX_CACHE } from './linux.ts'
import type { Server } from './server.ts'

/** Debian's package of the program that Flatcar and Fedora CoreOS run in their initramfs. */
const IGNITION = '/usr/lib/dracut/modules.d/30ignition/ignition'

/** What a node prints once it did what its config says. */
export const CONFIGURED = 'REVEILLE-NODE: configured'

/**
 * Does what the initramfs and systemd of a node do: Ignition itself makes users, files and units of what `ignition.config.url` names;
 * then the command of each enabled unit runs. `node.script` names a script that is fetched and run instead. Tells what came of it.
 */
const NODE = `#!/bin/sh
word() { tr ' ' '\\n' </proc/cmdline | sed -n "s/^$1=//p"; }
script=$(word node.script)
if [ -n "$script" ]; then
  wget -q -O /script "$script" && sh /script && echo "${CONFIGURED}"
fi
url=$(word ignition.config.url)
if [ -n "$url" ]; then
  mkdir -p /sysroot/etc /sysroot/home /sysroot/bin /run
  echo 'root:x:0:0:root:/root:/bin/sh' >/sysroot/etc/passwd
  echo 'root:x:0:' >/sysroot/etc/group
  for stage in fetch files; do
    ignition --platform=metal --stage=$stage --root=/sysroot --log-to-stdout >/run/$stage.log 2>&1 ||
      { echo "REVEILLE-NODE: Ignition failed in $stage:"; tail -n 20 /run/$stage.log; }
  done
  echo "user: $(grep -v ^root: /sysroot/etc/passwd)"
  for file in $(cd /sysroot && find etc opt -type f | sort); do echo "file $file: $(tr '\\n' '|' <"/sysroot/$file")"; done
  echo "again: $(wget -S -O - "$url" 2>&1 | tr '\\n' '|')"
  for unit in /sysroot/etc/systemd/system/*.service; do
    sh -c "$(sed -n 's/^ExecStart=//p' "$unit")" && echo "ran \${unit##*/}"
  done
  echo "${CONFIGURED}"
fi
`

/** Stands in for shadow's program, which Ignition calls: the last word is the user. */
const USERADD = `#!/bin/sh
for name; do :; done
echo "$name:x:1000:1000::/home/$name:/bin/sh" >>/sysroot/etc/passwd
echo "$name:x:1000:" >>/sysroot/etc/group
mkdir -p "/sysroot/home/$name"
`

/** Makes image and profiles of the small Linux with Ignition: it does what its config says and says so. */
export async function offerNode(server: Server, image: string): Promise<void> {
  const linux = await inTurn(LINUX_CACHE, () => buildLabLinux({ cacheDir: LINUX_CACHE, log: SILENT }))
  const files: Record<string, unknown>[] = []
  const put = async (role: string, name: string, bytes: Uint8Array) => {
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    await server.api('PUT', `/uploads/${sha256}`, bytes)
    files.push({ role, name, sha256 })
  }
  await put('kernel', 'vmlinuz', await readFile(linux.kernelPath))
  await put('initrd', 'initrd.zst', await readFile(linux.initrdPath))
  await put('initrd', 'node.cpio', await nodeArchive())
  await server.api('POST', '/images', { name: image, kind: 'bundle' })
  await server.api('POST', `/images/${image}/versions`, { files, cmdline: linux.cmdline })
}

/** What is laid over the small Linux. */
async function nodeArchive(): Promise<Uint8Array> {
  const arrival = `echo\necho "${ARRIVED}`
  const init = LAB_INIT.replace(arrival, `. /node\n${arrival}`)
  if (init === LAB_INIT) throw new Error('the small Linux begins in another way now')
  const { stdout } = await promisify(execFile)('ldd', [IGNITION])
  const libraries = [...stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path]) => path!)
  const folders = new Set(libraries.flatMap((path) => foldersOf(path)))
  const program = (name: string, content: Uint8Array) => ({ name, kind: 'file' as const, mode: 0o755, content })
  return cpioArchive([
    ...[...folders, 'sysroot'].map((name) => ({ name, kind: 'directory' as const, mode: 0o755 })),
    program('init', Buffer.from(init)),
    program('node', Buffer.from(NODE)),
    program('bin/ignition', await readFile(IGNITION)),
    program('bin/useradd', Buffer.from(USERADD)),
    ...(await Promise.all(libraries.map(async (path) => program(path.slice(1), await readFile(path))))),
  ])
}

/** `lib`, `lib/x86_64-linux-gnu` of `/lib/x86_64-linux-gnu/libc.so.6`. */
function foldersOf(path: string): string[] {
  const parts = path.split('/').slice(1, -1)
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'))
}
