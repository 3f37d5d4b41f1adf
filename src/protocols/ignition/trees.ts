import type { Findings } from './findings.ts'
import { type Embedding, type LocalFiles, localPathFault } from './resources.ts'
import { isSaid, type Struct, structOf, structsOf, textOf } from './values.ts'

/** As Butane has them. */
const MODE = 0o644
const EXECUTABLE = 0o755
const MOST_FILES = 10_000

/**
 * Replaces `trees` by files. A file entry of the document with the same path gives owner and mode, as long as it has no contents of
 * its own.
 */
export function plantTrees(config: Struct, local: LocalFiles, embedding: Embedding, findings: Findings): void {
  const storage = structOf(config, 'storage')
  if (!storage) return
  const trees = structsOf(storage, 'trees')
  delete storage.trees
  if (trees.length === 0) return
  const taken = new Map<string, Struct>()
  for (const name of ['directories', 'links', 'files'])
    for (const node of structsOf(storage, name)) taken.set(textOf(node, 'path') ?? '', node)
  const files = storage.files === undefined ? [] : structsOf(storage, 'files')
  if (files.length === 0) storage.files = files
  const own = new Set(files)
  const planted = new Set<string>()
  for (const tree of trees) {
    const spot = findings.where(tree, 'local')
    const folder = (textOf(tree, 'local') ?? '').replace(/\/+$/, '')
    const fault = localPathFault(folder)
    const paths = fault ? [] : (local.list?.(folder) ?? [])
    if (fault) findings.error(spot, fault, 'name the folder as the parts of the config are named')
    else if (paths.length === 0) {
      const hint = local.list ? `add parts named ${folder}/…` : 'list its files one by one'
      findings.error(spot, `there are no local files below ${folder}`, hint)
    }
    const target = (textOf(tree, 'path') ?? '/').replace(/\/+$/, '')
    for (const path of paths) {
      const bytes = embedding.file(path, spot)
      if (!bytes) continue
      const at = `${target}/${path.slice(folder.length + 1)}`
      const entry = taken.get(at)
      if (planted.has(at) || (entry && (!own.has(entry) || isSaid(entry.contents) || isSaid(entry.append)))) {
        const hint = 'a file of a tree can be described by an entry without contents only'
        findings.error(spot, `${at} of the tree ${folder} has contents or another type elsewhere`, hint)
        continue
      }
      if (planted.size >= MOST_FILES) {
        findings.error(spot, `trees hold more than ${MOST_FILES} files`, 'fetch an archive instead')
        return
      }
      planted.add(at)
      const file = entry ?? findings.adopt<Struct>({ path: at }, spot)
      file.contents = findings.adopt<Struct>({ ...embedding.contents(bytes) }, spot)
      if (file.mode === undefined) file.mode = local.executable?.(path) ? EXECUTABLE : MODE
      if (!entry) files.push(file)
    }
  }
}
