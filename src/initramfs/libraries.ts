import { lstat, readFile, readlink } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Refusal } from '../kit/errors.ts'
import { elfNeeds, isElf, withoutSections } from './elf.ts'

const MOST_LINKS = 16
const PROGRAM_FOLDERS = ['usr/sbin', 'sbin', 'usr/bin', 'bin']

/** A program or library to be put somewhere: the bytes it needs to run. */
export type Loadable = Readonly<{ name: string; content: Uint8Array }>

/** Where a path of an unpacked tree leads, following its links as if the tree were `/`; `undefined` when nowhere. */
export async function insideTree(tree: string, path: string): Promise<string | undefined> {
  let at = resolve('/', path)
  for (let links = 0; links < MOST_LINKS; links++) {
    let followed = false
    const parts = at.split('/').filter((part) => part !== '')
    for (const [index] of parts.entries()) {
      const here = `/${parts.slice(0, index + 1).join('/')}`
      const found = await lstat(join(tree, here)).catch(() => undefined)
      if (!found) return undefined
      if (!found.isSymbolicLink()) continue
      at = resolve(dirname(here), await readlink(join(tree, here)), ...parts.slice(index + 1))
      followed = true
      break
    }
    if (!followed) return join(tree, at)
  }
  return undefined
}

/** A program of an unpacked tree by its name; `undefined` when no package brought it. */
export async function findProgram(tree: string, name: string): Promise<Loadable | undefined> {
  for (const folder of PROGRAM_FOLDERS) {
    const path = await insideTree(tree, join(folder, name))
    if (path !== undefined) return { name, content: withoutSections(await readFile(path)) }
  }
  return undefined
}

/**
 * The shared libraries and the dynamic linker that programs need, found in an unpacked tree by following what each says it needs
 * (DT_NEEDED). The linker's `name` is the whole path that programs call it by, a library's its soname.
 */
export async function librariesOf(
  programs: readonly Loadable[],
  tree: string,
): Promise<{ libraries: Loadable[]; linkers: Loadable[] }> {
  const libraries = new Map<string, Loadable>()
  const linkers = new Map<string, Loadable>()
  const open = [...programs]
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (!isElf(each.content)) continue
    const needs = elfNeeds(each.content)
    if (needs.interpreter !== null && !linkers.has(needs.interpreter)) {
      const content = await loaded(tree, [needs.interpreter], each.name)
      linkers.set(needs.interpreter, { name: needs.interpreter, content })
    }
    for (const soname of needs.libraries) {
      if (libraries.has(soname) || [...linkers.keys()].some((path) => basename(path) === soname)) continue
      const folders = LIBRARY_FOLDERS.map((folder) => join(folder, soname))
      const library = { name: soname, content: await loaded(tree, folders, each.name) }
      libraries.set(soname, library)
      open.push(library)
    }
  }
  return { libraries: [...libraries.values()], linkers: [...linkers.values()] }
}

const MULTIARCH = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu'
const LIBRARY_FOLDERS = [`usr/lib/${MULTIARCH}`, `lib/${MULTIARCH}`, 'usr/lib', 'lib', 'usr/lib64', 'lib64']

async function loaded(tree: string, candidates: readonly string[], neededBy: string): Promise<Uint8Array> {
  for (const candidate of candidates) {
    const path = await insideTree(tree, candidate)
    if (path !== undefined) return withoutSections(await readFile(path))
  }
  throw new Refusal(
    'not-available',
    `${neededBy} needs ${basename(candidates[0] ?? '')}, which no Debian package brought`,
  )
}
