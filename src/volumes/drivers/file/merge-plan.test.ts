import { describe, expect, test } from 'vitest'
import type { LayerEntry, Manifest } from './manifest.ts'
import { layersToMerge, mayMerge, mergedManifest } from './merge-plan.ts'

const NONE = new Set<string>()

/** Layers are named by letters; the last of the stack is written. */
function manifestOf(
  stack: string,
  snapshots: readonly string[],
  more: Readonly<Record<string, Partial<LayerEntry>>> = {},
): Manifest {
  const ids = [...new Set([stack, ...snapshots].join(''))]
  return {
    format: 1,
    id: 'v_one',
    bytes: 1,
    most: 1,
    base: null,
    limitBytes: null,
    layers: ids.map((id) => ({ id, below: null, own: true, blocks: 10, ...more[id] })),
    stack: [...stack],
    snapshots: snapshots.map((layers, i) => ({ name: `s${i}`, bytes: 1, stack: [...layers] })),
  }
}

const planned = (manifest: Manifest, shared: ReadonlySet<string> = NONE) =>
  layersToMerge(manifest, shared)
    ?.map(({ id }) => id)
    .join('')

describe('which layers become one', () => {
  test('frozen ones that no snapshot ends within; the one that is written never', () => {
    expect(planned(manifestOf('abcde', []))).toBe('abcd')
    expect(planned(manifestOf('abcd', []))).toBeUndefined()
    expect(planned(manifestOf('abcdefgh', ['abc']))).toBe('defg')
    expect(planned(manifestOf('abcdefgh', ['abcd']))).toBe('abcd')
    expect(planned(manifestOf('abcdef', ['abc', 'abcde']))).toBeUndefined()
  })

  test('what only snapshots have, after going back, too', () => {
    expect(planned(manifestOf('ax', ['abcdef']))).toBe('bcdef')
    expect(planned(manifestOf('x', ['abcdef', 'ab']))).toBe('cdef')
  })

  test('none that other volumes use, that hide what is below them, or that came with a clone next to own ones', () => {
    expect(planned(manifestOf('abcdefgh', []), new Set(['c']))).toBe('defg')
    expect(planned(manifestOf('abcdefgh', [], { d: { below: 4096 } }))).toBe('defg')
    expect(planned(manifestOf('abcdef', [], { c: { below: 4096 } }))).toBeUndefined()
    expect(planned(manifestOf('abcdef', [], { a: { own: false }, b: { own: false } }))).toBeUndefined()
  })

  test('a large one waits until enough came over it', () => {
    const large = { a: { blocks: 1000 } }
    expect(planned(manifestOf('abcdef', [], large))).toBe('bcde')
    expect(planned(manifestOf('abcd', [], { a: { blocks: 300 }, b: { blocks: 40 } }))).toBeUndefined()
    expect(planned(manifestOf('abcdef', [], { ...large, e: { blocks: 600 } }))).toBe('abcde')
  })

  test('any two when there are very many one over the other', () => {
    const ids = Array.from({ length: 130 }, (_, i) => `l${i}`)
    const layers = ids.map((id) => ({ id, below: null, own: true, blocks: 10 }))
    const snapshots = ids
      .slice(0, 129)
      .flatMap((id, i) => (i === 70 ? [] : [{ name: id, bytes: 1, stack: ids.slice(0, i + 1) }]))
    const manifest = { ...manifestOf('', []), layers, stack: ids, snapshots }
    expect(planned(manifest)).toBe('l70l71')
    const [l70, l71] = [layers[70]!, layers[71]!]
    expect(planned(mergedManifest(manifest, [l70, l71], { ...l70, id: 'm' }))).toBeUndefined()
  })

  test('however many come, few stay, and each block is copied a few times', () => {
    let manifest = manifestOf('', [])
    let copied = 0
    for (let i = 0; i < 5000; i++) {
      const layer = { id: `l${i}`, below: null, own: true, blocks: 10 }
      manifest = { ...manifest, layers: [...manifest.layers, layer], stack: [...manifest.stack, layer.id] }
      for (let layers = layersToMerge(manifest, NONE); layers; layers = layersToMerge(manifest, NONE)) {
        const blocks = layers.reduce((sum, one) => sum + one.blocks, 0)
        copied += blocks
        manifest = mergedManifest(manifest, layers, { ...layer, id: `m${copied}`, blocks })
      }
    }
    expect(manifest.stack.length).toBeLessThan(40)
    expect(copied / 50_000).toBeLessThan(12)
  })
})

test('the new layer takes the place of the others in every state, if they may still be one', () => {
  const manifest = manifestOf('abcdefg', ['abcde', 'abcdex'])
  const layers = layersToMerge(manifest, NONE)!
  expect(layers.map(({ id }) => id).join('')).toBe('abcde')
  expect(mayMerge(manifest, NONE, layers)).toBe(true)
  expect(mayMerge(manifest, new Set(['b']), layers)).toBe(false)
  expect(mayMerge(manifestOf('abcdefg', ['abcd']), NONE, layers)).toBe(false)
  expect(mayMerge(manifestOf('xy', []), NONE, layers)).toBe(false)
  const merged = mergedManifest(manifest, layers, { ...layers[0]!, id: 'm' })
  expect(merged.stack.join('')).toBe('mfg')
  expect(merged.snapshots.map(({ stack }) => stack.join(''))).toEqual(['m', 'mx'])
  expect(merged.layers.map(({ id }) => id).sort()).toEqual(['f', 'g', 'm', 'x'])
})
