import { execFileSync, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { detectAcceleration } from '../../../src/lab/acceleration.ts'
import { serviceSystem } from './system.ts'

/** What a case came to inside. */
export type CaseResult = Readonly<{ name: string; ms: number; error: string | null }>

/** The same package under a later version. */
export function laterPackage(file: string, version: string, to: string): void {
  const unpacked = mkdtempSync(join(tmpdir(), 'reveille-later-'))
  try {
    execFileSync('dpkg-deb', ['-R', file, unpacked])
    const control = join(unpacked, 'DEBIAN/control')
    writeFileSync(control, readFileSync(control, 'utf8').replace(/^Version: .+$/m, `Version: ${version}`))
    execFileSync('dpkg-deb', ['-b', '-Zzstd', '-z1', '--root-owner-group', unpacked, to])
  } finally {
    rmSync(unpacked, { recursive: true })
  }
}

/** Boots a bare Debian 12 under systemd with this package at hand, lets inside.ts do its cases, and tells what came of each. */
export async function runService(file: string, ms: number): Promise<{ results: CaseResult[]; printed: string }> {
  const { image, kernel, initrd } = await serviceSystem()
  const share = mkdtempSync(join(tmpdir(), 'reveille-service-'))
  try {
    copyFileSync(file, join(share, 'reveille.deb'))
    laterPackage(file, '99.0', join(share, 'later.deb'))
    await build({
      entryPoints: [join(import.meta.dirname, 'inside.ts')],
      outfile: join(share, 'inside.mjs'),
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'silent', sourcemap: 'inline' },
    })
    // It starts again when it is told to, and forgets its disk only when it ends.
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        ...['-accel', await detectAcceleration(), '-machine', 'pc', '-cpu', 'max', '-smp', '2', '-m', '1024'],
        ...['-display', 'none', '-serial', 'stdio', '-monitor', 'none', '-nic', 'none', '-device', 'virtio-rng-pci'],
        ...['-kernel', kernel, '-initrd', initrd, '-append', 'console=ttyS0 panic=-1 quiet systemd.show_status=yes'],
        ...['-drive', `file=${image},format=raw,if=virtio,cache=unsafe,snapshot=on`],
        ...['-virtfs', `local,path=${share},mount_tag=share,security_model=none`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    )
    let said = ''
    for (const stream of [qemu.stdout, qemu.stderr])
      stream.on('data', (text) => {
        said += text
      })
    const timer = setTimeout(() => qemu.kill('SIGKILL'), ms)
    await new Promise((resolve) => qemu.once('close', resolve))
    clearTimeout(timer)
    const read = (name: string) => {
      try {
        return readFileSync(join(share, name), 'utf8')
      } catch {
        return ''
      }
    }
    const results = read('results')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as CaseResult)
    return { results, printed: [said, read('output')].map((text) => text.slice(-6000)).join('\n') }
  } finally {
    rmSync(share, { recursive: true, force: true })
  }
}
