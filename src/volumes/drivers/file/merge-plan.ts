import { entriesOf, type LayerEntry, type Manifest } from './manifest.ts'
import { MOST_LAYERS } from './stack.ts'

/** So many layers are worth a merge. */
const LEAST_MERGED = 4
/** With so many one over the other all that may go together does, whatever has to be copied: there is an end to how many there may be. */
const TIGHT = MOST_LAYERS / 2

/**
 * Frozen layers, the lowest first, that become one next; `undefined`: it is not worth it. No snapshot ends within them, and each lies over the
 * one before in every state. A layer goes with those above it only when it has at most twice their data: so every block is copied a few times
 * at most, however many states come, and what stays unmerged are some layers for each doubling. `shared`: layers that other volumes use too.
 */
export function layersToMerge(manifest: Manifest, shared: ReadonlySet<string>): LayerEntry[] | undefined {
  const isTight = manifest.stack.length > TIGHT
  for (const run of runsOf(manifest, shared)) {
    if (isTight && run.length > 1) return run
    for (let top = run.length; top >= LEAST_MERGED; top--) {
      let blocks = weight(run[top - 1]!)
      let first = top - 1
      while (first > 0 && weight(run[first - 1]!) <= 2 * blocks) blocks += weight(run[--first]!)
      if (top - first >= LEAST_MERGED) return run.slice(first, top)
    }
  }
  return undefined
}

/** Whether these layers may still be one. */
export function mayMerge(manifest: Manifest, shared: ReadonlySet<string>, layers: readonly LayerEntry[]): boolean {
  const ids = layers.map(({ id }) => id)
  return runsOf(manifest, shared).some((run) => {
    const at = run.findIndex(({ id }) => id === ids[0])
    return at >= 0 && ids.every((id, i) => run[at + i]?.id === id)
  })
}

/** The manifest with one layer in the place of several. */
export function mergedManifest(manifest: Manifest, layers: readonly LayerEntry[], merged: LayerEntry): Manifest {
  const gone = new Set(layers.map(({ id }) => id))
  const first = layers[0]!.id
  const replaced = (stack: readonly string[]) =>
    stack.flatMap((id) => (id === first ? [merged.id] : gone.has(id) ? [] : [id]))
  return {
    ...manifest,
    layers: [...manifest.layers.filter(({ id }) => !gone.has(id)), merged],
    stack: replaced(manifest.stack),
    snapshots: manifest.snapshots.map((snapshot) => ({ ...snapshot, stack: replaced(snapshot.stack) })),
  }
}

/** Longest rows of frozen layers that no state tells apart. */
function runsOf(manifest: Manifest, shared: ReadonlySet<string>): LayerEntry[][] {
  const states = [manifest.stack, ...manifest.snapshots.map(({ stack }) => stack)]
  const above = new Map<string, Set<string>>()
  const below = new Map<string, Set<string>>()
  for (const stack of states)
    for (const [i, id] of stack.entries()) {
      neighbour(above, id, stack[i + 1])
      neighbour(below, id, stack[i - 1])
    }
  const written = manifest.stack.at(-1)!
  const runs: LayerEntry[][] = []
  const seen = new Set<string>()
  for (const stack of states) {
    let run: LayerEntry[] = []
    for (const entry of entriesOf(manifest, stack)) {
      const before = run.at(-1)
      const usable = !seen.has(entry.id) && entry.id !== written && !shared.has(entry.id)
      seen.add(entry.id)
      if (!usable) {
        run = []
        continue
      }
      const follows =
        before !== undefined &&
        above.get(before.id)!.size === 1 &&
        below.get(entry.id)!.size === 1 &&
        // One that hides what is far below it can only be the lowest.
        entry.below === null &&
        entry.own === before.own
      if (!follows) {
        run = []
        runs.push(run)
      }
      run.push(entry)
    }
  }
  return runs
}

function neighbour(of: Map<string, Set<string>>, id: string, other: string | undefined): void {
  const known = of.get(id) ?? new Set()
  known.add(other ?? '')
  of.set(id, known)
}

function weight({ blocks }: LayerEntry): number {
  return Math.max(1, blocks)
}
