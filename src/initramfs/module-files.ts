import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { gunzip, zstdDecompress } from 'node:zlib'
import { Refusal } from '../kit/errors.ts'
import { moduleDependencies, moduleName } from './modules.ts'

const MODULE_FILE = /\.ko(\.(xz|zst|gz))?$/
const LARGEST_MODULE = 256 * 1024 * 1024

/** The modules below a folder such as `lib/modules/6.1.0-56-amd64`: their paths below it by name. */
export async function moduleFiles(directory: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  const paths = await readdir(join(directory, 'kernel'), { recursive: true })
  for (const path of paths.sort())
    if (MODULE_FILE.test(path)) files.set(moduleName(basename(path)), join('kernel', path))
  return files
}

/** A module as the kernel takes it, unpacked where the distribution keeps it packed. */
export async function readModule(path: string): Promise<Uint8Array> {
  const bytes = await readFile(path)
  if (path.endsWith('.zst')) return promisify(zstdDecompress)(bytes, { maxOutputLength: LARGEST_MODULE })
  if (path.endsWith('.gz')) return promisify(gunzip)(bytes, { maxOutputLength: LARGEST_MODULE })
  return path.endsWith('.xz') ? unpackXz(path) : bytes
}

/** The wanted modules and all that they need: their contents by name. A name that is no module is left out. */
export async function withDependencies(
  directory: string,
  files: ReadonlyMap<string, string>,
  wanted: Iterable<string>,
): Promise<Map<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>()
  // Reading all dependencies beforehand would read every module there is; only what is reached is read.
  const needed = [...wanted]
  for (let name = needed.pop(); name !== undefined; name = needed.pop()) {
    const path = files.get(name)
    if (path === undefined || contents.has(name)) continue
    const content = await readModule(join(directory, path))
    contents.set(name, content)
    needed.push(...moduleDependencies(content))
  }
  return contents
}

function unpackXz(path: string): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    execFile('xz', ['-dc', path], { encoding: 'buffer', maxBuffer: LARGEST_MODULE }, (error, stdout) => {
      if (error)
        reject(
          new Refusal('not-available', `xz could not unpack ${basename(path)}: ${error.message}`, {
            next: 'apt-get install xz-utils',
          }),
        )
      else resolve(stdout)
    })
  })
}
