import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Packages with machine code, or with files that they look for beside themselves. */
const LEFT_OUT = ['better-sqlite3', 'koffi', 'ssh2', '@fastify/swagger-ui', '@fastify/static']

/**
 * Puts programs as a few large files into `dist/lib` of a folder: on an emulated processor reading and compiling a thousand small ones takes
 * minutes. Packages that cannot be bundled are looked for in `modules`.
 */
export async function bundle(folder: string, entries: Record<string, string>, modules: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'reveille', version: '0.0.0', type: 'module' }))
  await symlink(modules, join(folder, 'node_modules'))
  await build({
    entryPoints: entries,
    outdir: join(folder, 'dist/lib'),
    ...{ bundle: true, platform: 'node', format: 'esm', target: 'node24', logLevel: 'error', external: LEFT_OUT },
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  })
}
