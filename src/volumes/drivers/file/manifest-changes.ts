import { Refusal } from '../../../kit/errors.ts'
import { entriesOf, freshLayer, type LayerEntry, type Manifest } from './manifest.ts'
import { MOST_LAYERS } from './stack.ts'

/** What becomes of a manifest: given what it is, and the layers of its current content, which are frozen. */
export type ManifestChange = (manifest: Manifest, frozen: readonly string[]) => Manifest

/** The layer that is written. */
export function topOf(manifest: Manifest): LayerEntry {
  return entriesOf(manifest, manifest.stack).at(-1)!
}

/** The manifest when the topmost layer is frozen with so many blocks and there is another one on top; a blank one just stays on top. */
export function frozenManifest(
  id: string,
  manifest: Manifest,
  blocks: number,
  blank: boolean,
  change: ManifestChange,
): Manifest {
  if (blank && topOf(manifest).below === null) return change(manifest, manifest.stack.slice(0, -1))
  if (manifest.stack.length >= MOST_LAYERS)
    throw new Refusal('conflict', `volume ${id} has ${MOST_LAYERS} states one over the other; that is the most`, {
      next: 'publish it as an image and go on from there, or revert it',
    })
  const top = topOf(manifest)
  const layers = manifest.layers.map((entry) => (entry.id === top.id ? { ...entry, blocks } : entry))
  const next = freshLayer()
  return change({ ...manifest, layers: [...layers, next], stack: [...manifest.stack, next.id] }, manifest.stack)
}

/** Blocks that count for the volume, apart from the topmost layer. */
export function frozenBlocks(manifest: Manifest): number {
  const top = manifest.stack.at(-1)
  return manifest.layers.reduce((sum, { id, own, blocks }) => sum + (own && id !== top ? blocks : 0), 0)
}

/** A frozen state: its layers, and how far it goes. */
export type Frozen = Readonly<{ stack: readonly string[]; bytes: number }>

export function snapshotOf(manifest: Manifest, snapshot: string): Frozen {
  const found = manifest.snapshots.find(({ name }) => name === snapshot)
  if (found) return found
  throw new Refusal('not-found', `volume ${manifest.id} has no snapshot ${snapshot}`)
}

/** The current content after it was frozen: what lies below a layer that has nothing yet. */
export function currentOf({ stack, bytes }: Manifest): Frozen {
  return { stack: stack.slice(0, -1), bytes }
}
