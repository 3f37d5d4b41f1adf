import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { serverVm } from '../../e2e/bed/server-vm.ts'

const GIB = 2 ** 30

/** What a case came to inside. */
export type InsideResult = Readonly<{ name: string; ms: number; error: string | null }>

/**
 * Boots a server of its own with LVM and LIO, runs the named parts of inside.ts in it, and tells what came of each case. Its system
 * disk forgets everything; `/dev/vdb` and `/dev/vdc` are empty.
 */
export async function runInside(
  parts: readonly string[],
  ms: number,
): Promise<{ results: InsideResult[]; printed: string }> {
  const share = await mkdtemp(join(tmpdir(), 'reveille-server-'))
  try {
    await build({
      entryPoints: [join(import.meta.dirname, 'inside.ts')],
      outfile: join(share, 'inside.mjs'),
      ...{ bundle: true, platform: 'node', format: 'esm', logLevel: 'silent', sourcemap: 'inline' },
      alias: { vitest: join(import.meta.dirname, 'cases.ts') },
      external: ['koffi'],
    })
    await writeFile(
      join(share, 'run'),
      `node --enable-source-maps /share/inside.mjs ${parts.join(',')} >/share/output 2>&1`,
    )
    const args = await serverVm({ share, disks: [4 * GIB, GIB] })
    const qemu = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [qemu.stdout, qemu.stderr])
      stream.on('data', (text) => {
        said += text
      })
    const timer = setTimeout(() => qemu.kill('SIGKILL'), ms)
    await new Promise((resolve) => qemu.once('close', resolve))
    clearTimeout(timer)
    const read = (name: string) => readFile(join(share, name), 'utf8').catch(() => '')
    const results = (await read('results'))
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as InsideResult)
    return { results, printed: [said, await read('output')].map((text) => text.slice(-4000)).join('\n') }
  } finally {
    await rm(share, { recursive: true, force: true })
  }
}
