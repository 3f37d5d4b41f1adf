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

/** A module has hyphens in its file's name and underscores in the kernel. */
export function moduleName(file: string): string {
  return file.replace(/\.ko$/, '').replaceAll('-', '_')
}
