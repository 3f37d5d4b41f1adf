import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { agentBundle, PREBUILT } from '../src/management/bundle.ts'

/** Packs the agent of the management OS into dist/agent/main.mjs, for the package: where it is installed there are no sources and no bundler. */
const root = resolve(import.meta.dirname, '..')
const path = join(root, PREBUILT)
await mkdir(dirname(path), { recursive: true })
await writeFile(path, await agentBundle(root))
