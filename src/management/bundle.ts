import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '../kit/errors.ts'

/** Where the package keeps the bundle that its making left: an installed package has no sources and no bundler. */
export const PREBUILT = 'dist/agent/main.mjs'
const SOURCE = 'src/agent/main.ts'

/**
 * The agent as one file of JavaScript for the pinned Node: made of the sources in a checkout (or of `entry`), taken as it was made in an
 * installed package.
 */
export async function agentBundle(
  packageDirectory: string,
  entry = join(packageDirectory, SOURCE),
): Promise<Uint8Array> {
  if (!(await stat(entry).catch(() => undefined))) {
    const prebuilt = await readFile(join(packageDirectory, PREBUILT)).catch(() => undefined)
    if (prebuilt) return prebuilt
    throw new Refusal('not-available', `there is neither ${entry} nor ${PREBUILT}: this package is not whole`, {
      next: 'install the package again',
    })
  }
  const { build } = await import('esbuild').catch(() => {
    throw new Refusal('not-available', 'esbuild, which packs the agent into one file, is not installed', {
      next: `npm install   (in ${packageDirectory})`,
    })
  })
  const { outputFiles } = await build({
    entryPoints: [entry],
    // Comments in the result name sources by their paths below this folder, wherever the checkout is.
    absWorkingDir: packageDirectory,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // CommonJS packages call require() for what Node has built in.
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
  }).catch((error: unknown) => {
    throw new Refusal('internal', `the agent cannot be packed: ${error instanceof Error ? error.message : error}`)
  })
  const [bundle] = outputFiles
  if (!bundle) throw new Refusal('internal', 'the agent was packed into nothing')
  return bundle.contents
}
