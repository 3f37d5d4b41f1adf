/** What a module's own `.modinfo` section says. `aliases` are patterns of hardware and other names it is loaded for. */
export type ModuleFacts = Readonly<{ dependencies: readonly string[]; aliases: readonly string[] }>

/**
 * The kernel modules that `wanted` need, in an order in which each comes after those it depends on. A name that is neither a
 * module nor missing from the kernel's built-ins is simply left out: kernels differ in what they build in.
 */
export function loadOrder(
  wanted: readonly string[],
  dependenciesOf: (name: string) => readonly string[] | undefined,
): string[] {
  const order: string[] = []
  const visited = new Set<string>()
  const visit = (name: string) => {
    if (visited.has(name)) return
    visited.add(name)
    const dependencies = dependenciesOf(name)
    if (!dependencies) return
    for (const dependency of dependencies) visit(dependency)
    order.push(name)
  }
  for (const name of wanted) visit(name)
  return order
}

/** What a module's own `.modinfo` section says it depends on. */
export function moduleDependencies(module: Uint8Array): string[] {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength)
  const at = text.indexOf('\0depends=')
  if (at < 0) return []
  const start = at + '\0depends='.length
  const list = text.subarray(start, text.indexOf(0, start)).toString('latin1')
  return list === '' ? [] : list.split(',').map(moduleName)
}

/** Names and aliases, in the order in which they stand in the module. */
export function moduleFacts(module: Uint8Array): ModuleFacts {
  const text = Buffer.from(module.buffer, module.byteOffset, module.byteLength)
  const aliases: string[] = []
  for (let at = text.indexOf('\0alias='); at >= 0; at = text.indexOf('\0alias=', at + 1)) {
    const start = at + '\0alias='.length
    const end = text.indexOf(0, start)
    const alias = text.subarray(start, end < 0 ? start : end).toString('latin1')
    // In a list of words, one to a line.
    if (/^[\x21-\x7e]{1,300}$/.test(alias)) aliases.push(alias)
  }
  return { dependencies: moduleDependencies(module), aliases }
}

/** A module has hyphens in its file's name and underscores in the kernel. */
export function moduleName(file: string): string {
  return file.replace(/\.ko(\.(xz|zst|gz))?$/, '').replaceAll('-', '_')
}

/** The path of each module below its folder, by name, and what it says. */
export type ModuleTree = ReadonlyMap<string, Readonly<{ path: string; facts: ModuleFacts }>>

/**
 * `modules.dep` and `modules.alias` as modprobe reads them (modules.dep(5)): behind each module all that it needs, where modprobe loads
 * the last one first.
 */
export function moduleIndexes(tree: ModuleTree): { dep: string; alias: string } {
  const names = [...tree.keys()].sort()
  const dep = names.map((name) => {
    const order = loadOrder([name], (each) => tree.get(each)?.facts.dependencies)
    const needed = order.slice(0, -1).reverse()
    return `${[`${tree.get(name)?.path}:`, ...needed.map((each) => tree.get(each)?.path)].join(' ')}\n`
  })
  const alias = names.flatMap((name) => tree.get(name)?.facts.aliases.map((each) => `alias ${each} ${name}\n`) ?? [])
  return { dep: dep.join(''), alias: alias.join('') }
}
